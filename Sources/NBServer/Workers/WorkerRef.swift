/// A worker, as others know it: they send it messages and ask it to finish, from any thread or task.
///
/// A value that may be kept: it keeps neither the worker nor its connection alive. Two are equal if they mean the same worker; no two
/// workers of a process are ever the same.
public struct WorkerRef<Worker: ConnectionWorker & ~Copyable>: Hashable, Sendable, CustomStringConvertible {
    /// The name of its connection.
    public let id: ConnectionID
    let mailbox: Mailbox

    init(_ id: ConnectionID, _ mailbox: Mailbox) {
        self.id = id
        self.mailbox = mailbox
    }

    /// Whether both mean the same worker.
    public static func == (one: Self, other: Self) -> Bool { one.id == other.id }

    /// Hashes what makes the worker itself: its connection's name.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    /// The worker in a log: `Echo of connection 17`.
    public var description: String { "\(Worker.self) of \(id)" }

    /// Sends the worker a message, which it gets in ``ConnectionWorker/handleMessage(_:on:)``. Never waits.
    ///
    /// Sent from a callback of its server, the message arrives when that has returned. Sent from elsewhere, it goes through the
    /// server's mailbox; if the connection ends before it arrives, an observer hears ``ServerEvent/messageUndelivered(_:)``.
    ///
    /// - Throws: ``CastError``: the server has stopped, its mailbox is full, or, in a callback of the server, the worker is gone.
    public func send(_ message: Worker.Message) throws(CastError) {
        try post { table, index, place in
            // The type is the reference's, and a reference is given by the worker's own table.
            try unsafeDowncast(table, to: WorkerTable<Worker>.self).handleMessage(index, message, place)
        }
    }

    /// Asks the worker to come to an end, by ``ConnectionWorker/shouldFinish(_:)``, when it awaits nothing. Never waits.
    ///
    /// - Throws: ``CastError`` as ``send(_:)`` does.
    public func finish() throws(CastError) {
        try post { table, index, place in
            guard place.slot.pointee.runCount == 0 else {
                place.slot.pointee.receiving.isToFinish = true
                return
            }
            try table.shouldFinish(index, place)
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
