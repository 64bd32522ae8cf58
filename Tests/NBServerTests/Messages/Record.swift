@testable import NBServer

/// What was seen by somebody who is gone when a test asks. Any thread.
final class Record<Entry: Sendable>: Sendable {
    private let all = Lock<[Entry]>([])

    var entries: [Entry] { all.withLock { $0 } }

    func append(_ entry: Entry) {
        all.withLock { $0.append(entry) }
    }
}
