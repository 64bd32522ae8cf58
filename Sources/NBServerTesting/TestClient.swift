/// A client of a ``TestServer``. What it does the server has acted on when the call returns.
///
/// Of the server's thread: use it where its server is used.
public final class TestClient {
    /// How a connection ended for its client.
    public enum Ending: Hashable, Sendable {
        /// With the end of the stream.
        case end
        /// With a reset.
        case reset
    }

    private let kernel: MemoryKernel
    private let socket: MemorySocket
    private let turn: () -> Void

    init(_ kernel: MemoryKernel, _ socket: MemorySocket, turn: @escaping () -> Void) {
        self.kernel = kernel
        self.socket = socket
        self.turn = turn
    }

    /// Says something. A connection that has ended takes nothing.
    public func send(_ bytes: some Sequence<UInt8>) {
        kernel.say(bytes, on: socket)
        turn()
    }

    /// Says a text.
    public func send(_ text: String) {
        send(text.utf8)
    }

    /// Reads what it was sent and has not read yet, until there is no more: a server that waited for room sends on meanwhile.
    public func receive() -> [UInt8] {
        var bytes: [UInt8] = []
        while case let more = kernel.read(socket), !more.isEmpty {
            bytes += more
            turn()
        }
        return bytes
    }

    /// The same as a text.
    public func receiveText() -> String {
        String(decoding: receive(), as: UTF8.self)
    }

    /// How many bytes wait for it before the server has to wait: 64 KiB at first, and 0 for a client that takes nothing.
    public var window: Int {
        get { socket.window }
        set { socket.window = max(0, newValue) }
    }

    /// How the connection has ended, if it has; what was sent before is there to be read.
    public var ending: Ending? {
        if socket.isReset { return .reset }
        return socket.hasFinishedOutput || socket.isClosed ? .end : nil
    }

    /// Ends its side, and goes on reading.
    public func finish() {
        kernel.endClient(of: socket)
        turn()
    }

    /// Resets the connection.
    public func reset() {
        kernel.reset(socket)
        turn()
    }
}
