// Connections that come from elsewhere.
extension Server where Behavior: ~Copyable {
    /// Takes a connection that another server, or nobody of this library, has accepted. Any thread.
    ///
    /// It is delivered to ``NonBlockingServer/newConnection(_:in:)`` as if it had been accepted here, and counts as
    /// ``ServerCounters/adopted``; a worker it is given to gets what is unread first. ``SocketOption`` values of this server are
    /// not set on it.
    ///
    /// - Throws: ``CastError/stopped(_:)`` if the server has stopped; the connection is closed then. A full mailbox takes it.
    public func adopt(_ connection: consuming ReleasedConnection) throws(CastError) {
        let parcel = Parcel(connection)
        try mailbox.put(
            .request { context in
                guard let (descriptor, unread) = parcel.open() else { return }
                context.state.pointee.adopt(Adoption(descriptor: descriptor, unread: unread))
            }
        )
    }
}

/// A released connection on its way in a message, which can be copied where the connection cannot; closed if the message is
/// dropped.
private final class Parcel: Sendable {
    private let connection: Lock<ReleasedConnection?>

    init(_ connection: consuming ReleasedConnection) {
        self.connection = Lock(connection)
    }

    func open() -> (descriptor: Int32, unread: [UInt8])? {
        connection.withLock { connection in
            guard let released = connection.take() else { return nil }
            let unread = released.unread
            return (released.takeDescriptor(), unread)
        }
    }
}
