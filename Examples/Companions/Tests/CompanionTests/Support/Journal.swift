import Synchronization

/// What happened, in its order. Any thread.
final class Journal<Entry: Sendable>: Sendable {
    private let list = Mutex<[Entry]>([])

    var entries: [Entry] { list.withLock { $0 } }
    func append(_ entry: Entry) { list.withLock { $0.append(entry) } }

    /// Waits until what was noted is as wanted; a test that waits in vain is ended by its time limit.
    func wait(until isEnough: ([Entry]) -> Bool) async {
        while !isEnough(entries) { await Task.yield() }
    }
}
