@testable import NBServer

/// A worker that does what closures say, and writes down each of its callbacks.
///
/// Its messages are closures as well, so that a test has it do anything at any time.
struct ClosureWorker: ConnectionWorker {
    /// Something to be done by a worker.
    struct Message: Sendable {
        let name: String
        let body: WorkerConduct.Callback
    }

    /// A type of workers is asked for its options once a server; a scenario has one kind of server.
    static let chosenOptions = Lock(WorkerOptions())
    static var options: WorkerOptions { chosenOptions.withLock { $0 } }

    /// From 0, in the order in which connections were accepted.
    let number: Int
    let conduct: WorkerConduct
    let journal: WorkerJournal

    func connected(_ connection: borrowing WorkerConnection<Self>) throws {
        journal.name(number, connection.worker)
        journal.enter(number, .connected)
        try conduct.connected(connection)
    }

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws {
        let bytes = bytes.withUnsafeBufferPointer { Array($0) }
        journal.enter(number, .received(bytes))
        try conduct.received(bytes, connection)
    }

    func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws {
        journal.enter(number, .writable)
        try conduct.writable(connection)
    }

    func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws {
        guard number == 0 || !conduct.onlyTheFirstHasTimeLimits else { return }
        journal.enter(number, .timeout(limit))
        try conduct.timeout(limit, connection)
    }

    func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws {
        if connection.cutByteCount > 0 { journal.enter(number, .cut(connection.cutByteCount)) }
        journal.enter(number, .inputEnded)
        try conduct.inputEnded(connection)
    }

    func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) throws {
        journal.enter(number, .message(message.name))
        try message.body(connection)
    }

    func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws {
        journal.enter(number, .finish)
        try conduct.finish(connection)
    }

    func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
        journal.enter(number, .closed("\(reason)"))
    }
}
