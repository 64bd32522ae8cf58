/// Since when each of a worker's time limits runs. Part of a connection's slot; loop's thread only.
struct Waits {
    /// Nothing was received or sent since then.
    var idleSince: Instant
    /// What the worker asks for, or the next of what it always asks for, has not come since then; parts of it do not count.
    var receivingSince: Instant
    /// The peer has taken nothing since then.
    var sendingSince: Instant

    /// How many bytes the peer had taken when that was last asked.
    var takenByteCount: UInt32 = 0

    init(since now: Instant) {
        idleSince = now
        receivingSince = now
        sendingSince = now
    }

    /// Something is to be sent, or was.
    mutating func noteSent(_ now: Instant) {
        idleSince = now
        sendingSince = now
    }

    /// The peer has taken so many bytes by now; if that is more than before, it is neither idle nor stuck.
    mutating func noteTaken(_ count: UInt32, _ now: Instant) {
        guard count != takenByteCount else { return }
        takenByteCount = count
        noteSent(now)
    }

    /// A limit has passed; the others run on.
    mutating func restart(_ limit: TimeLimit, _ now: Instant) {
        switch limit {
        case .idle: idleSince = now
        case .receive: receivingSince = now
        case .send: sendingSince = now
        }
    }
}
