package import NBEngine

/// The state machine of one listener: when it is armed, and why it is not.
///
/// The state machine is pure: it takes an event and returns a reaction, which the loop carries out. One completion answers two questions:
/// did it carry a connection, and was it the last of its arm?
///
/// ```
///  idle ── arm ──▶ armed
///
///  armed ── delivered ──▶ armed                       ── last of its arm, or a transient error ──▶ idle
///        ── out of descriptors, refused, unknown error, or too many transient ones ──▶ parked
///        ── shut down, or a bad socket ──▶ closed     ── pause, close, interrupt ──▶ cancelling
///
///  parked ── its time has come, or a descriptor was freed ──▶ idle
///  paused ── resume ──▶ idle
///  idle, parked, paused ── pause ──▶ paused           ── close ──▶ closed
///
///  cancelling ── last of its arm ──▶ paused, idle or closed: the last request, except that a close is final
/// ```
package struct ListenerState: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        /// Waits to be armed.
        case idle
        /// An accept is in the kernel.
        case armed
        /// Does not accept until this time or, if `forDescriptor`, until a descriptor is freed.
        case parked(until: Instant, forDescriptor: Bool)
        /// Paused on request. Clients wait in the accept queue.
        case paused
        /// The accept in the kernel is being cancelled. `then` comes next.
        case cancelling(then: Rest)
        /// Done. Its socket may be closed.
        case closed
    }

    /// What a listener becomes once its accept has ended.
    package enum Rest: Hashable, Sendable {
        /// Armed again: it was interrupted, or paused and resumed before the pause took effect.
        case idle
        case paused
        /// Closed. Connections that are accepted until then are delivered if the server drains, else discarded.
        case closed(delivering: Bool)
    }

    /// What the loop does about an event.
    package enum Reaction: Hashable, Sendable {
        /// Nothing, or wait.
        case none
        /// Arm the listener when its turn comes.
        case arm
        /// The listener has parked. Report that if it is news.
        case park(isNews: Bool)
        /// Remove the listener from those that wait to be armed.
        case withdraw
        /// Cancel its accept.
        case cancel
        /// Close its socket.
        case close
        /// The listener will never accept again. Report that, and close its socket.
        case fail
    }

    package private(set) var phase = Phase.idle

    /// Transient errors since the last connection.
    package private(set) var retries: UInt32 = 0

    /// Pauses since the last connection; each is longer than the one before, up to a second.
    package private(set) var pauses: UInt32 = 0

    /// The listener has parked, and has accepted nothing since.
    package var isRecovering: Bool { pauses > 0 }

    /// Consecutive transient errors retried at once. The next one parks the listener.
    package static let retryLimit: UInt32 = 64

    package init() {}

    /// An accept has been submitted.
    package mutating func arm() {
        assertSound()
        defer { assertSound() }
        precondition(phase == .idle, "a listener is armed once at a time")
        phase = .armed
    }

    /// A completion carried a connection. Returns whether to deliver the connection; otherwise discard it.
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

    /// The server freed a descriptor. Wakes a listener that parked for lack of one, and no other.
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

    /// Pauses the listener until it is resumed.
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

    /// Cancels the accept. The listener is armed again when its turn comes.
    package mutating func interrupt() -> Reaction {
        assertSound()
        defer { assertSound() }
        guard phase == .armed else { return .none }
        phase = .cancelling(then: .idle)
        return .cancel
    }

    /// Resumes a paused listener.
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

    /// Closes the listener. Connections that it accepts until then are delivered or discarded.
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

    /// Whether the listener accepts, or will when its turn comes.
    package var isServing: Bool {
        switch phase {
        case .idle, .armed, .cancelling(.idle): true
        case .parked, .paused, .cancelling, .closed: false
        }
    }

    /// The accept in the kernel is being cancelled.
    package var isCancelling: Bool { if case .cancelling = phase { true } else { false } }

    /// The listener is closed, or will be whatever happens.
    package var isClosing: Bool {
        switch phase {
        case .closed, .cancelling(.closed): true
        case .idle, .armed, .parked, .paused, .cancelling: false
        }
    }

    /// Pauses grow to a second. A process without descriptors tries in vain once a second, and a client waits at most a second longer than
    /// it must.
    private static func pause(_ number: UInt32) -> Duration {
        switch number {
        case 1: .milliseconds(250)
        case 2: .milliseconds(500)
        default: .milliseconds(1000)
        }
    }

    /// The invariant before and after every event. Checked in debug builds.
    private func assertSound() {
        if case .parked = phase { assert(pauses > 0, "parked for no reason") }
        assert(retries <= Self.retryLimit, "retried for ever")
    }
}
