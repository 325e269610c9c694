/// Rows of cells, of which the first one heads the others. All have as many.
package struct Grid: Equatable {
  package var rows: [[String]]
  /// The columns that end at the right.
  package var numericColumns: Set<Int>

  package init(rows: [[String]], numericColumns: Set<Int>) {
    self.rows = rows
    self.numericColumns = numericColumns
  }

  /// For a terminal: columns two spaces apart.
  package var text: String {
    padded.map { cells in
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }

  /// A table of Markdown's, which reads as one where it stands, too.
  package var markdown: String {
    let rule = widths.enumerated().map { column, width in
      String(repeating: "-", count: width + 1) + (numericColumns.contains(column) ? ":" : "-")
    }
    var lines = padded.map { "| " + $0.joined(separator: " | ") + " |" }
    lines.insert("|" + rule.joined(separator: "|") + "|", at: min(1, lines.count))
    return lines.joined(separator: "\n")
  }

  private var widths: [Int] {
    guard let header = rows.first else { return [] }
    return header.indices.map { column in rows.map { $0[column].count }.max()! }
  }

  private var padded: [[String]] {
    let widths = widths
    return rows.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return numericColumns.contains(column) ? padding + row[column] : row[column] + padding
      }
    }
  }
}
