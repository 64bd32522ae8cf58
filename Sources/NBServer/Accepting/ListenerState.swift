package import NBEngine

/// The state machine of one listener: when it is armed, and why it is not.
///
/// Pure: it takes an event and says what to do, without doing it. One completion answers two questions: did it carry a
/// connection, and was it the last of its arm.
///
/// ```
///  idle ── arm ──▶ armed
///
///  armed ── delivered ──▶ armed                       ── last of its arm, or a passing error ──▶ idle
///        ── out of descriptors, refused, unknown error, or too many passing ones ──▶ parked
///        ── shut down, or a bad socket ──▶ closed     ── pause, close, interrupt ──▶ cancelling
///
///  parked ── its time has come, or a descriptor was freed ──▶ idle
///  paused ── resume ──▶ idle
///  idle, parked, paused ── pause ──▶ paused           ── close ──▶ closed
///
///  cancelling ── last of its arm ──▶ paused, idle or closed: what was wished last, but for a close, which is final
/// ```
package struct ListenerState: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        /// To be armed.
        case idle
        /// An accept is in the kernel.
        case armed
        /// Not accepting until then, or until a descriptor is freed if that is what it waits for.
        case parked(until: Instant, forDescriptor: Bool)
        /// Somebody wants it to rest; clients wait in its accept queue.
        case paused
        /// The accept in the kernel is to end; then it is something else.
        case cancelling(then: Rest)
        /// Out of use; its socket may be closed.
        case closed
    }

    /// What a listener is to be once its accept has ended.
    package enum Rest: Hashable, Sendable {
        /// Armed again: it was interrupted, or paused and resumed before that could take effect.
        case idle
        case paused
        /// Closed. Connections that are accepted until then are delivered if the server drains, else discarded.
        case closed(delivering: Bool)
    }

    /// What the loop is to do about an event.
    package enum Reaction: Hashable, Sendable {
        /// Nothing, or wait.
        case none
        /// Arm it when its turn comes.
        case arm
        /// It has parked; if that is news, say so.
        case park(isNews: Bool)
        /// Take it from those that wait to be armed.
        case withdraw
        /// Cancel its accept.
        case cancel
        /// Close its socket.
        case close
        /// It will never accept again: say so, and close its socket.
        case fail
    }

    package private(set) var phase = Phase.idle

    /// Passing errors since the last connection.
    package private(set) var retries: UInt32 = 0

    /// Pauses since the last connection; each is longer than the one before, up to a second.
    package private(set) var pauses: UInt32 = 0

    /// It has parked, and has accepted nothing since.
    package var isRecovering: Bool { pauses > 0 }

    /// How many passing errors are taken at their word before one earns a pause.
    package static let retryLimit: UInt32 = 64

    package init() {}

    /// An accept has been submitted.
    package mutating func arm() {
        assertSound()
        defer { assertSound() }
        precondition(phase == .idle, "a listener is armed once at a time")
        phase = .armed
    }

    /// A completion carried a connection. Returns whether to deliver it; otherwise it is to be discarded.
    package mutating func accepted() -> Bool {
        assertSound()
        defer { assertSound() }
        retries = 0
        pauses = 0
        return delivers
    }

    /// Whether a connection that comes now is delivered.
    package var delivers: Bool {
        switch phase {
        case .armed, .cancelling(.idle), .cancelling(.paused), .cancelling(.closed(delivering: true)): true
        case .cancelling(.closed(delivering: false)): false
        case .idle, .parked, .paused, .closed: preconditionFailure("a connection for a listener that is not armed")
        }
    }

    /// A completion was the last of its arm.
    package mutating func ended() -> Reaction {
        assertSound()
        defer { assertSound() }
        switch phase {
        case .armed, .cancelling(.idle):
            phase = .idle
            return .arm
        case .cancelling(.paused):
            phase = .paused
            return .none
        case .cancelling(.closed):
            phase = .closed
            return .close
        case .idle, .parked, .paused, .closed:
            preconditionFailure("the end of an arm that was none")
        }
    }

    /// The last completion of an arm carried an error.
    package mutating func failed(_ failure: AcceptFailure, at now: Instant) -> Reaction {
        assertSound()
        defer { assertSound() }
        guard !isClosing, !(isCancelling && failure != .down) else { return ended() }
        precondition(phase == .armed || isCancelling, "a failure of an arm that was none")
        switch failure {
        case .down:
            phase = .closed
            return .fail
        case .retry where retries < Self.retryLimit:
            retries += 1
            return ended()
        case .retry, .backOff, .park:
            pauses += 1
            phase = .parked(until: now + Self.pause(pauses), forDescriptor: failure == .park)
            return .park(isNews: pauses == 1)
        }
    }

    /// A descriptor of ours was freed: wakes a listener that parked for want of one, and no other.
    package mutating func descriptorFreed() -> Reaction {
        assertSound()
        defer { assertSound() }
        guard case .parked(_, forDescriptor: true) = phase else { return .none }
        phase = .idle
        return .arm
    }

    /// Time has passed.
    package mutating func timePassed(_ now: Instant) -> Reaction {
        assertSound()
        defer { assertSound() }
        guard case .parked(let until, _) = phase, until <= now else { return .none }
        phase = .idle
        return .arm
    }

    /// It is to rest until it is resumed.
    package mutating func pause() -> Reaction {
        assertSound()
        defer { assertSound() }
        switch phase {
        case .idle:
            phase = .paused
            return .withdraw
        case .parked:
            phase = .paused
            return .none
        case .armed:
            phase = .cancelling(then: .paused)
            return .cancel
        case .cancelling(.idle):
            phase = .cancelling(then: .paused)
            return .none
        case .paused, .cancelling(.paused), .cancelling(.closed), .closed:
            return .none
        }
    }

    /// Its accept is to end; it is armed again when its turn comes.
    package mutating func interrupt() -> Reaction {
        assertSound()
        defer { assertSound() }
        guard phase == .armed else { return .none }
        phase = .cancelling(then: .idle)
        return .cancel
    }

    /// It is to accept again.
    package mutating func resume() -> Reaction {
        assertSound()
        defer { assertSound() }
        switch phase {
        case .paused:
            phase = .idle
            return .arm
        case .cancelling(.paused):
            phase = .cancelling(then: .idle)
            return .none
        case .idle, .armed, .parked, .cancelling(.idle), .cancelling(.closed), .closed:
            return .none
        }
    }

    /// It is to be closed; what it accepts until then is delivered or discarded.
    package mutating func close(delivering: Bool = false) -> Reaction {
        assertSound()
        defer { assertSound() }
        switch phase {
        case .idle, .parked, .paused:
            phase = .closed
            return .close
        case .armed:
            phase = .cancelling(then: .closed(delivering: delivering))
            return .cancel
        case .cancelling:
            phase = .cancelling(then: .closed(delivering: delivering))
            return .none
        case .closed:
            return .none
        }
    }

    /// An accept is in the kernel that is to end.
    package var isCancelling: Bool { if case .cancelling = phase { true } else { false } }

    /// It is or will be closed, whatever comes.
    package var isClosing: Bool {
        switch phase {
        case .closed, .cancelling(.closed): true
        case .idle, .armed, .parked, .paused, .cancelling: false
        }
    }

    /// A full process asks in vain once a second, and a client waits at most a second longer than it must.
    private static func pause(_ number: UInt32) -> Duration {
        switch number {
        case 1: .milliseconds(250)
        case 2: .milliseconds(500)
        default: .milliseconds(1000)
        }
    }

    /// What holds before and after every event; looked at in debug builds.
    private func assertSound() {
        if case .parked = phase { assert(pauses > 0, "parked for no reason") }
        assert(retries <= Self.retryLimit, "retried for ever")
    }
}
