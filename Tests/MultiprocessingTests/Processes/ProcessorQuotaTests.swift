import XCTest

@testable import Multiprocessing

final class ProcessorQuotaTests: XCTestCase {
  private func quota(_ membership: String, _ files: [String: String]) -> Int? {
    ProcessorQuota.quota(membership: membership) { files[$0] }
  }

  func testTheTightestOfTheGroupAndThoseAboveIt() {
    let files = [
      "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/cpu.max": "250000 100000\n",
      "/sys/fs/cgroup/cpu.max": "400000 100000\n",
    ]
    XCTAssertEqual(quota("0::/a/b\n", files), 3)
    XCTAssertEqual(quota("0::/\n", files), 4)
  }

  func testNoQuotaAtAll() {
    XCTAssertNil(quota("0::/a\n", ["/sys/fs/cgroup/a/cpu.max": "max 100000"]))
    XCTAssertNil(quota("0::/a\n", [:]))
    XCTAssertNil(quota("", [:]))
  }

  func testVersionOne() {
    let files = [
      "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "150000\n", "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    ]
    XCTAssertEqual(quota("5:memory:/y\n4:cpu,cpuacct:/x\n", files), 2)
    XCTAssertNil(quota("4:cpu,cpuacct:/\n", files))
  }

  func testAFractionCountsAsOne() {
    XCTAssertEqual(quota("0::/\n", ["/sys/fs/cgroup/cpu.max": "1000 100000"]), 1)
  }

  func testNonsenseIsNoQuota() {
    for text in ["", "1", "a b", "1 0", "-5 10", "1 2 3"] {
      XCTAssertNil(quota("0::/\n", ["/sys/fs/cgroup/cpu.max": text]), text)
    }
  }

  func testThisMachineHasProcessors() {
    XCTAssertGreaterThanOrEqual(cpuCount(), 1)
    XCTAssertTrue((1...cpuCount()).contains(availableCPUCount()))
  }
}
