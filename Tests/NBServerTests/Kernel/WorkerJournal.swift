import Synchronization

@testable import NBServer

/// What the workers of a server were told, each in its order.
final class WorkerJournal: Sendable {
    enum Entry: Hashable {
        case connected
        case received([UInt8])
        case writable
        case timeout(TimeLimit)
        case inputEnded
        /// Told before ``inputEnded``: so many bytes of an unfinished frame are left.
        case cut(Int)
        case message(String)
        case finish
        case closed(String)

        static func received(_ text: String) -> Entry { .received(Array(text.utf8)) }

        var isClosed: Bool { if case .closed = self { true } else { false } }
    }

    private struct Pages {
        var entries: [Int: [Entry]] = [:]
        var names: [Int: WorkerRef<ClosureWorker>] = [:]
        var count = 0
    }

    private let pages = Lock(Pages())

    /// A number for one more worker.
    func nextNumber() -> Int {
        pages.withLock { pages in
            pages.count += 1
            return pages.count - 1
        }
    }

    func enter(_ number: Int, _ entry: Entry) {
        pages.withLock { $0.entries[number, default: []].append(entry) }
    }

    func name(_ number: Int, _ id: WorkerRef<ClosureWorker>) {
        pages.withLock { $0.names[number] = id }
    }

    /// What a worker was told.
    func entries(_ number: Int) -> [Entry] {
        pages.withLock { $0.entries[number] ?? [] }
    }

    /// The bytes a worker has received, delivery by delivery.
    func deliveries(_ number: Int) -> [[UInt8]] {
        entries(number).compactMap { if case .received(let bytes) = $0 { bytes } else { nil } }
    }

    /// How often anything was told to any worker.
    func count(of entry: Entry) -> Int {
        pages.withLock { $0.entries.values.reduce(0) { $0 + $1.count { $0 == entry } } }
    }

    /// How many workers there have been.
    var workerCount: Int { pages.withLock { $0.count } }

    /// Waits until a worker has been told something.
    func wait(_ number: Int, for entry: Entry) throws {
        try KernelScenario.wait(for: "worker \(number): \(entry), beside \(entries(number))") {
            entries(number).contains(entry)
        }
    }

    /// Waits for a worker's end.
    func waitForEnd(_ number: Int) throws {
        try KernelScenario.wait(for: "the end of worker \(number), after \(entries(number))") {
            entries(number).contains(where: \.isClosed)
        }
    }

    /// The name of a worker that has been told of its connection.
    func id(_ number: Int) throws -> WorkerRef<ClosureWorker> {
        try wait(number, for: .connected)
        guard let id = pages.withLock({ $0.names[number] }) else { throw KernelScenario.NeverCame(event: "a name") }
        return id
    }
}
