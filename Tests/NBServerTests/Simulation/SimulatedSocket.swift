import Uring

/// The server's end of a connection in the simulated kernel, and what its client does.
final class SimulatedSocket {
    struct Send {
        let token: Token
        let bytes: Operation.Bytes
        /// What the bytes were when they were submitted.
        let copy: [UInt8]
        var sent: Int
    }

    let descriptor: Int32
    /// The listener it came by; `nil` for one that came for an arm that was over.
    let listener: Int?
    /// The server has asked for its close, and that may be still in the submission queue.
    var isToBeClosed = false
    /// Given to the behavior.
    var isDelivered = false
    /// The server's no more: somebody else has the descriptor.
    var isHandedOut = false
    /// The connection is no more: a reset, from either side.
    var isReset = false
    var hasEndedOutput = false

    /// What the client has said and the server has not read.
    var unread = 0
    /// The client has ended its side.
    var clientHasEnded = false
    var clientReads = true
    /// How many bytes the socket still takes before the client reads.
    var room: Int
    /// What the client has been sent.
    var received: [UInt8] = []

    /// A send that waits for room.
    var send: Send?
    /// A discard that waits for input.
    var discard: Token?

    init(descriptor: Int32, listener: Int?, room: Int) {
        self.descriptor = descriptor
        self.listener = listener
        self.room = room
    }

    /// What a receive would return now, or `nil` if it waits.
    func takeInput() -> Int32? {
        if unread > 0 {
            defer { unread = 0 }
            return Int32(unread)
        }
        if isReset { return -104 }
        return clientHasEnded ? 0 : nil
    }

    func take(_ bytes: ArraySlice<UInt8>) {
        received += bytes
        room -= bytes.count
    }
}
