internal import NBEngine

/// Since when each of a connection's time limits runs. Part of a connection's slot; loop's thread only.
struct LimitClocks {
    /// Nothing was received or sent since then.
    var idleSince: Instant
    /// What the worker asks for, or the next of what it always asks for, has not come since then; parts of it do not count. A peer that
    /// is heard out is so since then.
    var receivingSince: Instant
    /// The peer has taken nothing since then; nor has it said anything, if it is heard out.
    var sendingSince: Instant
    /// The connection ends since then.
    var endingSince: Instant

    /// How many bytes the peer had taken when that was last asked.
    var takenByteCount: UInt32 = 0
    /// Whether the peer was heard out after a limit had passed, and when that was due.
    var hearing = Hearing.notAsked
    private var heardLimit = Instant(nanoseconds: 0)

    /// What a limit that has passed waits for before it ends anything.
    enum Hearing: Equatable {
        /// The kernel has not been asked what has arrived.
        case notAsked
        /// It has, but completions wait that may be about bytes it does not count any more; it is asked again until then.
        case asked(until: Instant)
        /// So much has arrived, and no receive has told it yet; that is waited for until then.
        case waiting(Int, until: Instant)
        /// What had arrived was received, or there was nothing.
        case heard
    }

    init(since now: Instant) {
        idleSince = now
        receivingSince = now
        sendingSince = now
        endingSince = now
    }

    /// Something is to be sent, or was.
    mutating func noteSent(_ now: Instant) {
        idleSince = now
        sendingSince = now
    }

    /// The peer spoke, and is heard out from now on.
    mutating func noteLingering(_ now: Instant) {
        receivingSince = now
        sendingSince = now
        hearing = .notAsked
    }

    /// A peer that is heard out has said something.
    mutating func noteHeard(_ now: Instant) {
        sendingSince = now
    }

    /// The connection begins to end: its limit runs from now on, whatever its worker's did.
    mutating func noteEnding(_ now: Instant) {
        sendingSince = now
        endingSince = now
        hearing = .notAsked
    }

    /// Asked of the kernel: if the peer has taken more than before, it was neither idle nor stuck when it last acknowledged
    /// something. If it has taken all that the kernel had, and there is more to send, it waits for the loop.
    mutating func note(_ peer: PeerState, hasUnsentBytes: Bool, _ now: Instant) {
        if !peer.hasUntakenBytes && hasUnsentBytes { return noteSent(now) }
        guard peer.takenByteCount != takenByteCount else { return }
        takenByteCount = peer.takenByteCount
        let taken = now.earlier(by: peer.sinceLastAcknowledgment)
        idleSince = max(idleSince, taken)
        sendingSince = max(sendingSince, taken)
    }

    /// A limit that was due then is to be heard out. What was heard for another, or before it started again, does not count.
    mutating func beginHearing(of end: Instant) {
        if end != heardLimit { hearing = .notAsked }
        heardLimit = end
    }

    /// A receive has told so much. Returns whether that is the last that a limit has waited for.
    mutating func hear(_ count: Int) -> Bool {
        guard case .waiting(let rest, let until) = hearing else { return false }
        hearing = count < rest ? .waiting(rest - count, until: until) : .heard
        return hearing == .heard
    }

    /// A limit has passed; the others run on.
    mutating func restart(_ limit: TimeLimit, _ now: Instant) {
        switch limit {
        case .idle: idleSince = now
        case .receive: receivingSince = now
        case .send: sendingSince = now
        }
    }

    /// Whatever runs since `old` runs since `new`.
    mutating func move(from old: Instant, to new: Instant) {
        if idleSince == old { idleSince = new }
        if receivingSince == old { receivingSince = new }
        if sendingSince == old { sendingSince = new }
        if endingSince == old { endingSince = new }
    }
}
