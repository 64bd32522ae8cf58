import Uring

/// The server's end of a connection in the simulated kernel, and what its client does.
final class SimulatedSocket {
    var isOpen = true
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

    /// A send that waits for room, with what its bytes were when it was submitted.
    var send: (token: Token, bytes: Operation.Bytes, copy: [UInt8], sent: Int)?
    /// A discard that waits for input.
    var discard: Token?

    init(room: Int) {
        self.room = room
    }
}
