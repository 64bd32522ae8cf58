internal import Synchronization

/// How the server's thread tells the main thread what it has counted.
final class Report: Sendable {
    private let counts = Mutex<Counts?>(nil)

    /// What was counted; `nil` if there were too few connections.
    var result: Counts? {
        get { counts.withLock { $0 } }
        set { counts.withLock { $0 = newValue } }
    }
}
