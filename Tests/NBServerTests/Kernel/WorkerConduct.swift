@testable import NBServer

/// What a ``ClosureWorker`` does in its callbacks; unless said, what most workers do.
struct WorkerConduct: Sendable {
    typealias Callback = @Sendable (borrowing WorkerConnection<ClosureWorker>) throws -> Void

    var connected: Callback = { _ in }
    var received: @Sendable ([UInt8], borrowing WorkerConnection<ClosureWorker>) throws -> Void = { _, connection in
        connection.receive()
    }
    var writable: Callback = { _ in }
    var timeout: @Sendable (TimeLimit, borrowing WorkerConnection<ClosureWorker>) throws -> Void = {
        limit,
        connection in
        if limit == .send { connection.reset() } else { connection.close() }
    }
    /// Limits pass for the first connection only: the machine may keep the others waiting.
    var onlyTheFirstHasTimeLimits = false
    var inputEnded: Callback = { $0.close() }
    var finish: Callback = { $0.close() }

    /// Sends frames back, and goes on.
    static let echo = WorkerConduct(received: { bytes, connection in
        connection.sendFrame(bytes.span)
        connection.receive()
    })
}
