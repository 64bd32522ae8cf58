/// A connection taken from an ``ArrivalBatch``.
///
/// An arrival may be sent something, closed, reset, or made an ``ArrivedConnection``. If it is dropped, the connection is closed, and
/// counted in ``Arrivals/droppedCount``. Requests are done on the server's thread, in order. After the server's end they do nothing. Any
/// task or thread.
public struct Arrival: ~Copyable, Sendable {
    /// The connection's ID.
    public let id: ConnectionID
    // Not a plain reference: `discard` wants fields that need no end of their own.
    private let channel: Unmanaged<ArrivalChannel>

    init(_ id: ConnectionID, _ channel: ArrivalChannel) {
        self.id = id
        self.channel = .passRetained(channel)
    }

    deinit {
        channel._withUnsafeGuaranteedRef { $0.drop(id) }
        channel.release()
    }

    /// Queues bytes to send. There is no limit, and nothing to await: bytes that the peer does not take wait in memory.
    public func send(_ bytes: [UInt8]) {
        channel._withUnsafeGuaranteedRef { _ = $0.wish(.send(bytes, id)) }
    }

    /// Queues a text to send, as UTF-8; see ``send(_:)-([UInt8])``.
    public func send(_ text: String) {
        send(Array(text.utf8))
    }

    /// Sends what is queued, then closes; see ``Connection/close()``.
    public consuming func close() {
        finish(.close(id))
    }

    /// Ends the connection at once. The peer gets a reset and may lose what it has not read.
    public consuming func reset() {
        finish(.reset(id))
    }

    /// The same connection as an object, for ``ArrivedConnection/withBytes(options:_:)``. One allocation.
    public consuming func connection() -> ArrivedConnection {
        let connection = ArrivedConnection(id, channel.takeRetainedValue())
        discard self
        return connection
    }

    private consuming func finish(_ wish: ArrivalChannel.Wish) {
        channel.takeRetainedValue().wish(wish)
        discard self
    }
}
