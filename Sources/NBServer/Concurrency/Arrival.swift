/// A connection that has arrived, taken of a batch: see ``ArrivalBatch``.
///
/// It may be sent something, closed, reset, or made a ``ArrivedConnection``. Dropped, it is closed, and counted in
/// ``Arrivals/droppedCount``. What it is asked to do is done on the server's thread, in the order in which it is asked; when the server has
/// ended, nothing. Any task or thread may have it.
public struct Arrival: ~Copyable, Sendable {
    /// The connection's name.
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

    /// Queues bytes to send. There is no limit and nothing to wait for: what the peer does not take waits in memory.
    public func send(_ bytes: [UInt8]) {
        channel._withUnsafeGuaranteedRef { _ = $0.wish(.send(bytes, id)) }
    }

    /// Queues a text to send, as UTF-8; as ``send(_:)-([UInt8])`` does.
    public func send(_ text: String) {
        send(Array(text.utf8))
    }

    /// Sends what was queued, then closes; see ``Connection/close()``.
    public consuming func close() {
        finish(.close(id))
    }

    /// Ends the connection at once: the peer gets a reset and may lose what it has not read.
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
