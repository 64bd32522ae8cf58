/// A behavior whose type the loop need not know.
///
/// The loop is compiled once for each engine instead of once for each behavior and engine; what that costs is one
/// dynamic call a callback. Owned by the server, then by its loop; used by the loop's thread.
class BehaviorBox {
    func begin(_ context: borrowing ServerContext) throws {
        fatalError("abstract")
    }

    func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    /// Ends the behavior's life; nothing may be called afterwards.
    func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        fatalError("abstract")
    }
}
