public import NBServer

/// A client of a ``TestServer``. When a call of the client returns, the server has acted on it.
///
/// Use it on the thread on which its server is used.
public final class TestClient {
    /// How a connection ended for its client.
    public enum Ending: Hashable, Sendable {
        /// With the end of the stream.
        case end
        /// With a reset.
        case reset
    }

    private let socket: MemorySocket

    init(_ socket: MemorySocket) {
        self.socket = socket
    }

    /// The client's own address: the server's ``Connection/peerAddress``.
    public var address: SocketAddress { socket.clientAddress }

    /// Sends bytes. A connection that has ended takes none.
    public func send(_ bytes: some Sequence<UInt8>) {
        socket.say(bytes)
        socket.turn()
    }

    /// Sends a text, as UTF-8.
    public func send(_ text: String) {
        send(text.utf8)
    }

    /// Reads everything that the client was sent and has not read. A server that waited for room sends on meanwhile.
    public func receive() -> [UInt8] {
        var bytes: [UInt8] = []
        while case let more = socket.read(), !more.isEmpty {
            bytes += more
            socket.turn()
        }
        return bytes
    }

    /// Reads the same as a text.
    public func receiveText() -> String {
        String(decoding: receive(), as: UTF8.self)
    }

    /// How many unread bytes the client holds before the server has to wait: 64 KiB at first, and 0 for a client that takes nothing.
    public var window: Int {
        get { socket.window }
        set {
            socket.setWindow(max(0, newValue))
            socket.turn()
        }
    }

    /// How the connection has ended; `nil` while it is open. Bytes that were sent before the end can still be read.
    public var ending: Ending? {
        if socket.isReset { return .reset }
        return socket.hasFinishedOutput || socket.isClosed ? .end : nil
    }

    /// The options that behaviors and workers have set on the server's end, in their order; see ``Connection/set(_:)``. They change nothing
    /// else.
    public var socketOptions: [SocketOption] { socket.options }

    /// Whether the connection has left its server, as a ``DetachedConnection``, and no other server has adopted it. What the client sends
    /// then waits for a server that does.
    public var isDetached: Bool { socket.isDetached && !socket.isClosed }

    /// Ends the client's side, which goes on reading.
    public func finish() {
        socket.endClient()
        socket.turn()
    }

    /// Resets the connection.
    public func reset() {
        socket.reset()
        socket.turn()
    }
}
