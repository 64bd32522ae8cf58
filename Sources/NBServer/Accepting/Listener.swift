internal import NBEngine

/// A listener of a running server: its socket, its state, and how much it has been served.
///
/// Owned by the ``ListenerTable``; loop's thread only.
struct Listener {
    let socket: ListenSocket
    var state = ListenerState()
    /// What its connections know it by.
    let key: ListenerKey
    /// Which arm is in flight. Completions of any other arm are stale, those of earlier listeners in this place as well.
    /// While no arm is in flight, a bit is set that no token carries, so that every completion is stale.
    private(set) var generation: UInt32
    /// Connections it got, on a scale on which all listeners can be compared; see ``ListenerTable``.
    var served: UInt64 = 0
    /// The error its last arm failed with.
    var lastErrno: Int32 = 0
    /// How many more it may accept while the server drains.
    var quota = UInt64.max
    /// The account of its clients, once it has been armed and if there is an admission.
    var account: UnsafeMutablePointer<ListenerAccount>?
    /// It is not to be armed, because connections that it has accepted wait for permits.
    var isWithheld = false
    /// The listener serves its queue, and is removed then.
    var departure: Departure?
    /// The callers that wait for the listener's end.
    var removers: [Caller<Result<Void, ServerError>>] = []
    /// The listener is being removed on request, and the behavior hears when that is done.
    var isRemoved = false

    init(_ socket: ListenSocket, key: ListenerKey, generation: UInt32 = 0) {
        self.socket = socket
        self.key = key
        self.generation = generation | Self.restingBit
    }

    /// The limit at which it waits, if it does.
    var limit: AdmissionReason? { isWithheld ? account?.pointee.lastLimit : nil }

    /// An accept is submitted: its token carries the new generation.
    mutating func beginArm() {
        generation = (generation &+ 1) & Token.generationMask
    }

    /// The accept has ended: what still comes with its token is stale.
    mutating func endArm() {
        generation |= Self.restingBit
    }

    private static let restingBit = Token.generationMask + 1
}
