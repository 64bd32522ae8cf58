internal import NBEngine

/// Both ends of a connection in memory: the server's, on which operations wait, and its client's.
///
/// Owned by the ``MemoryKernel``; one thread at a time.
final class MemorySocket {
    /// A send that waits for room.
    struct Send {
        let token: Token
        let bytes: Operation.Bytes
        var sentCount: Int
    }

    let descriptor: Int32

    // What the client has said, and how much of it the server's kernel has given away.
    var said: [UInt8] = []
    var readCount = 0
    /// The client has ended its side.
    var clientHasEnded = false

    /// What the client was sent, and how much of it the client has read.
    var received: [UInt8] = []
    var takenCount = 0
    /// How many bytes wait for the client before a send has to.
    var window: Int
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

    init(_ descriptor: Int32, window: Int, at now: Instant) {
        self.descriptor = descriptor
        self.window = window
        lastTaken = now
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
