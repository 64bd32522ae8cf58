/// A reference to a worker, which sends the worker messages and asks it to finish. Any thread or task.
///
/// The reference keeps neither the worker nor its connection alive. Two references are equal if they mean the same worker. No two workers
/// of a process are ever the same.
public struct WorkerRef<Worker: ConnectionWorker & ~Copyable>: Hashable, Sendable, CustomStringConvertible {
    /// The ID of the worker's connection.
    public let id: ConnectionID
    let mailbox: Mailbox

    init(_ id: ConnectionID, _ mailbox: Mailbox) {
        self.id = id
        self.mailbox = mailbox
    }

    /// Whether both mean the same worker.
    public static func == (one: Self, other: Self) -> Bool { one.id == other.id }

    /// Hashes the ID of the worker's connection.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// The worker in a log: `Echo of connection 17`.
    public var description: String { "\(Worker.self) of \(id)" }

    /// Sends the worker a message, which arrives in ``ConnectionWorker/handleMessage(_:on:)``. Never waits.
    ///
    /// In a callback of the worker's server, the message arrives when the callback has returned. From elsewhere, it goes through the
    /// server's mailbox. If the connection ends before the message arrives, an observer hears ``ServerEvent/messageUndelivered(_:)``.
    ///
    /// - Throws: ``CastError`` if the server has stopped or its mailbox is full; in a callback of the server also if the worker has ended.
    public func send(_ message: Worker.Message) throws(CastError) {
        try post { table, index, place in
            // Safe: a `WorkerRef<Worker>` is made only for a connection whose worker lives in a `WorkerTable<Worker>`.
            try unsafeDowncast(table, to: WorkerTable<Worker>.self).handleMessage(index, message, place)
        }
    }

    /// Asks the worker to end: ``ConnectionWorker/shouldFinish(_:)`` is called, once the worker awaits nothing. Never waits.
    ///
    /// - Throws: ``CastError``, like ``send(_:)``.
    public func finish() throws(CastError) {
        try post { table, index, place in
            if place.slot.noteFinish() { try table.shouldFinish(index, place) }
        }
    }

    /// Has the worker called when the present callback has returned, or when the loop gets to it.
    private func post(_ deliver: @escaping WorkerMail.Delivery) throws(CastError) {
        let mail = WorkerMail(connection: id, deliver: deliver)
        guard let state = mailbox.loopInCallback else {
            // It is sent once, and used on one thread after the other.
            nonisolated(unsafe) let mail = mail
            return try mailbox.put(.work { $0.state.pointee.postUnlessGone(mail) })
        }
        guard state.pointee.connections.pointee.worker(id) != nil else { throw .workerGone(id) }
        state.pointee.post(mail)
    }
}
