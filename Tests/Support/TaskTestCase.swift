/// An audited test with tasks in this process: Dispatch, which runs them, opens event descriptors of its own when it has need of
/// them, and keeps them.
open class TaskTestCase: AuditedTestCase {
  override open func isLeak(_ leak: String) -> Bool { !leak.hasSuffix("anon_inode:[eventfd]") }
}
