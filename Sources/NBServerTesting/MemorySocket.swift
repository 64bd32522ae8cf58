internal import NBEngine
internal import NBServer

/// Both ends of a connection in memory: the server's, on which operations wait, and its client's.
///
/// Owned by the ``MemoryKernel``, by a ``DetachedConnection`` while no server has it, and by its client.
///
/// Safe: one thread at a time uses a test server and its connections, as ``TestServer`` demands.
final class MemorySocket: StandInSocket, @unchecked Sendable {
    /// A send that waits for room.
    struct Send {
        let token: Token
        let bytes: Operation.Bytes
        var sentCount: Int
    }

    let descriptor: Int32
    private let from: SocketAddress
    private let to: SocketAddress
    /// The kernel of the server that has the server's end; `nil` while none has it.
    weak var kernel: MemoryKernel?
    /// The server's end has left its server.
    var isDetached = false
    /// What the server has set on its end.
    private(set) var options: [SocketOption] = []

    // What the client has said, and how much of it the server's kernel has given away.
    var said: [UInt8] = []
    var readCount = 0
    /// The client has ended its side.
    var clientHasEnded = false

    /// What the client was sent, and how much of it the client has read.
    var received: [UInt8] = []
    var takenCount = 0
    /// How many bytes wait for the client before a send has to.
    private(set) var window = 64 << 10
    /// When the client's end last took something.
    var lastTaken: Instant

    var hasFinishedOutput = false
    /// The server's end is closed.
    var isClosed = false
    /// The connection is no more: a reset, from either side.
    var isReset = false

    var send: Send?
    var discard: Token?
    var receive: (token: Token, isMultishot: Bool)?

    init(_ descriptor: Int32, from: SocketAddress, to: SocketAddress, at now: Instant) {
        self.descriptor = descriptor
        self.from = from
        self.to = to
        lastTaken = now
    }

    /// Turns the server that has it.
    func turn() {
        kernel?.turn()
    }

    var unreadCount: Int { said.count - readCount }

    /// A socket takes what it has room for: how many bytes, or `nil` if it takes nothing any more.
    func take(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> Int? {
        guard !isReset, !hasFinishedOutput else { return nil }
        let count = min(bytes.count, max(0, window - (received.count - takenCount)))
        if count > 0 { lastTaken = now }
        received += bytes.prefix(count)
        return count
    }

    /// What a discard comes to; `nil` if it waits.
    func takeInput() -> Int32? {
        if unreadCount > 0 {
            defer { readCount = said.count }
            return Int32(unreadCount)
        }
        if isReset { return -MemoryKernel.connectionReset }
        return clientHasEnded ? 0 : nil
    }
}

// What its client does.
extension MemorySocket {
    /// The client's address, also after a reset.
    var clientAddress: SocketAddress { from }

    func say(_ bytes: some Sequence<UInt8>) {
        guard !isReset, !isClosed, !clientHasEnded else { return }
        said += bytes
        kernel?.changed(self)
    }

    /// The client reads everything that waits for it.
    func read() -> [UInt8] {
        defer {
            takenCount = received.count
            kernel?.changed(self)
        }
        return Array(received[takenCount...])
    }

    func setWindow(_ size: Int) {
        window = size
        kernel?.changed(self)
    }

    func endClient() {
        clientHasEnded = true
        kernel?.changed(self)
    }

    /// Either side resets the connection.
    func reset() {
        isReset = true
        kernel?.changed(self)
    }
}

// What its server asks of it.
extension MemorySocket {
    var peerAddress: SocketAddress? { isReset ? nil : from }

    var localAddress: SocketAddress? { to }

    func set(_ option: SocketOption) -> Int32 {
        if let errno = kernel?.takeFailure(of: .setOption) { return errno }
        options.append(option)
        return 0
    }

    /// Over unread input a close is a reset.
    func close() {
        isClosed = true
        if unreadCount > 0 { isReset = true }
    }
}
