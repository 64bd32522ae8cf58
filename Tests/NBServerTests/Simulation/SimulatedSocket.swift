import NBEngine

@testable import NBServer

/// The server's end of a connection in the simulated kernel, and what its client does.
final class SimulatedSocket {
    struct Send {
        let token: Token
        let bytes: Operation.Bytes
        /// What the bytes were when they were submitted.
        let copy: [UInt8]
        var sent: Int
    }

    struct Receive {
        let token: Token
        let isMultishot: Bool
        /// Cancelled, but not at an end yet.
        var isCancelled = false
    }

    /// When the server asked, when the client had last taken anything, and whether it had nothing to take, and more was to be sent.
    struct Look {
        let time: Instant
        let lastTaken: Instant
        let isWaitingForServer: Bool
    }

    let descriptor: Int32
    /// Its client's address.
    var source = IPAddress(ipv4: 0x7f00_0001)
    /// The listener it came by; `nil` for one that came for an arm that was over.
    let listener: Int?
    /// The server has asked for its close, and that may be still in the submission queue.
    var isToBeClosed = false
    /// Given to the behavior.
    var isDelivered = false
    /// It came from elsewhere.
    var isAdopted = false
    /// The server's no more: somebody else has the descriptor.
    var isHandedOut = false
    /// The engine was told that it leaves.
    var isForgotten = false
    /// Somebody is about to give it back to the server.
    var isOnItsWay = false
    /// The connection is no more: a reset, from either side.
    var isReset = false
    var hasFinishedOutput = false
    /// The last bytes wait for the end of the stream, to leave with it.
    var holdsBytes = false
    /// The server has thrown away what the client said behind the end of its own stream.
    var hasBeenHeardOut = false
    /// The server was told that there is input, or an end, and has not looked since.
    var needsLook = false
    /// How many bytes it took of the last that were sent at once, if nothing tells the server.
    var takenSilentlyCount = 0
    /// Its client does not take what there is, so that the last of it has not been sent.
    var isBackedUp = false
    var hasUnsent: Bool { isBackedUp && takenCount < received.count && !isReset }
    /// The server was told that something about it has failed.
    var hasFailed = false

    /// What the client is about to say, what it has said, and how much of that the server's kernel has given away.
    var toSay: ArraySlice<UInt8> = []
    var said: [UInt8] = []
    var readCount = 0
    /// How much of it completions have told the server on which it has acted.
    var seenCount = 0
    /// A completion has told the server of the end of it.
    var isEndSeen = false
    /// How much of it a worker was given, headers and line ends included.
    var deliveredCount = 0
    /// The client has ended its side.
    var clientHasEnded = false
    var clientReads = true
    /// How many bytes the socket still takes before the client reads.
    var room: Int
    /// How much of what it was sent the client has taken, and when it last did.
    private(set) var takenCount = 0
    private(set) var lastTaken = Instant(nanoseconds: 0)
    /// The last sign of the client's that it is not stuck, as far as the server has asked: it took something, or had taken all.
    private(set) var lastProgress = Instant(nanoseconds: 0)
    /// What the server learned when it last asked about the client.
    private(set) var lastLook: Look?
    /// What the client has been sent, and what the server has wanted to send it.
    var received: [UInt8] = []
    var sent: [UInt8] = []
    /// The server wants its side ended when everything is sent.
    var isToEndOutput = false

    /// There was no memory for the last receive, or the last send, that the server wanted.
    var isReceiveRefused = false
    var isSendRefused = false

    /// A send that waits for room.
    var send: Send?
    /// A discard that waits for input.
    var discard: Token?
    /// A receive that waits for input, and the buffers it goes into.
    var receive: Receive?
    /// The worker that has it, or had it last.
    weak var conduct: SimulatedConduct?

    init(descriptor: Int32, listener: Int?, room: Int) {
        self.descriptor = descriptor
        self.listener = listener
        self.room = room
    }

    /// The kernel owes a completion.
    var hasInFlight: Bool { send != nil || discard != nil || receive != nil }

    /// What the client has said and nobody has read.
    var unread: Int { said.count - readCount }

    /// What a discard would return now, or `nil` if it waits.
    func takeInput() -> Int32? {
        if unread > 0 {
            defer { readCount = said.count }
            return Int32(unread)
        }
        if isReset { return -104 }
        return clientHasEnded ? 0 : nil
    }

    /// What the server is told when it asks about the client.
    func lookAtPeer(at now: Instant) -> PeerState {
        conduct?.noteLook(said: said.count, hasEnded: clientHasEnded || isReset, at: now)
        lastProgress = max(lastProgress, takenCount < received.count ? lastTaken : now)
        lastLook = Look(
            time: now,
            lastTaken: lastTaken,
            isWaitingForServer: takenCount == received.count && received.count < sent.count
        )
        var peer = PeerState()
        peer.takenByteCount = UInt32(truncatingIfNeeded: takenCount)
        peer.sinceLastAcknowledgment = lastTaken.duration(to: now)
        peer.hasUntakenBytes = takenCount < received.count
        peer.unreceivedByteCount = unread
        peer.hasEnded = clientHasEnded || isReset
        return peer
    }

    /// The client reads.
    func read(_ count: Int, at now: Instant) {
        room += count
        let taken = min(takenCount + count, received.count)
        if taken > takenCount { lastTaken = now }
        takenCount = taken
    }

    func take(_ bytes: ArraySlice<UInt8>) {
        received += bytes
        room -= bytes.count
    }

    /// The client says so many bytes of what it has to say.
    func say(_ count: Int) {
        said += toSay.prefix(count)
        toSay = toSay.dropFirst(count)
    }
}
