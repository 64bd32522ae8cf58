/// A connection that was accepted elsewhere, on its way into a loop, and its worker, if it comes with one.
///
/// Owned by the loop's state until it is delivered, and closed if the state ends before; loop's thread only.
struct Adoption {
    /// Gives a connection to the worker that it came with.
    typealias Assignment = (consuming Connection, borrowing ServerContext) -> Void

    /// Taken when it is delivered.
    let connection: DetachedConnection
    /// `nil` where the behavior's `newConnection` decides.
    let assign: Assignment?
}

/// A worker on its way to its connection: in a closure, which cannot give away what it captures.
///
/// Safe: one thread puts the worker in, before the message is sent, and the loop's thread takes it out.
final class WorkerParcel<Worker: ConnectionWorker & ~Copyable>: @unchecked Sendable {
    private var worker: Worker?

    init(_ worker: consuming Worker) {
        self.worker = consume worker
    }

    /// Gives the connection to the worker.
    func give(_ connection: consuming Connection, in context: borrowing ServerContext, options: WorkerOptions?) {
        guard let worker = worker.take() else { return }
        context.give(connection, to: worker, options: options)
    }
}
