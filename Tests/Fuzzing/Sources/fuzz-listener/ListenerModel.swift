internal import Glibc
import NBEngine

@testable internal import NBServer

/// A listener's state machine, and around it the loop and the kernel as far as they concern one listener.
///
/// It lets happen only what can happen, does what the state machine says, and remembers in words of its own what has
/// happened. What a listener promises is checked at every step; a broken promise ends the process, which is how libFuzzer
/// hears of it.
struct ListenerModel {
    private var state = ListenerState()
    private var now = Instant(nanoseconds: 1_000_000_000)

    // The kernel's part.
    private var hasArm = false
    /// The arm is cancelled, and then the listener is this.
    private var wish: Wish?

    // The loop's part.
    private var waitsToBeArmed = true
    private var rests = false
    private var isClosed = false

    // What the listener has been through since its last connection.
    private var retries: UInt32 = 0
    private var lastPause = Duration.zero
    private var hasSaidItParked = false

    private enum Wish: Equatable {
        case goOn, rest
        case close(delivering: Bool)
    }

    /// Until when it waits, and whether a descriptor would do.
    private var park: (until: Instant, forDescriptor: Bool)?

    mutating func take(_ event: ListenerEvent) {
        switch event {
        case .arm: arm()
        case .accepted(let isLast): accepted(isLast: isLast)
        case .failed(let errno): failed(errno)
        case .failing(let errno, let times): for _ in 0..<times { failAgain(errno) }
        case .descriptorFreed: descriptorFreed()
        case .timePassed(let time): timePassed(time)
        case .interrupt: interrupt()
        case .pause: pause()
        case .resume: resume()
        case .close(let delivering): close(delivering: delivering)
        }
    }

    /// Wherever a history ends, the listener serves again when it need not rest, or is closed: it is never deaf.
    mutating func finish() {
        if wish != nil { failed(ECANCELED) }
        resume()
        if park != nil { timePassed(.whenThePauseEnds) }
        arm()
        precondition(hasArm || isClosed, "deaf")
        accepted(isLast: false)
    }
}

// Events.
extension ListenerModel {
    private mutating func arm() {
        guard waitsToBeArmed else { return }
        waitsToBeArmed = false
        state.arm()
        hasArm = true
        check()
    }

    private mutating func accepted(isLast: Bool) {
        guard hasArm else { return }
        let delivers = state.accepted()
        if case .close(let delivering) = wish {
            precondition(delivers == delivering, "of a listener that is to close: delivered by a drain, else discarded")
        } else {
            precondition(delivers, "discarded, and nobody wishes it closed")
        }
        (retries, lastPause, hasSaidItParked) = (0, .zero, false)
        check()
        guard isLast else { return }
        hasArm = false
        ended(state.ended())
    }

    /// The arm is over: the listener is what was wished last.
    private mutating func ended(_ reaction: ListenerState.Reaction) {
        defer { wish = nil }
        switch wish {
        case nil, .goOn: obey(reaction, .arm)
        case .rest:
            rests = true
            obey(reaction, .none)
        case .close: obey(reaction, .close)
        }
    }

    private mutating func failed(_ errno: Int32) {
        guard hasArm else { return }
        hasArm = false
        let failure = AcceptFailure(errno: errno)
        let reaction = state.failed(failure, at: now)
        if wish != nil && !(failure == .down && !isToClose) { return ended(reaction) }
        wish = nil
        switch failure {
        case .retry where reaction == .arm:
            retries += 1
            precondition(retries <= ListenerState.retryLimit, "retried for ever")
        case .retry:
            precondition(retries == ListenerState.retryLimit, "a passing error cost a pause")
            hasParked(reaction, forDescriptor: false)
        case .backOff:
            hasParked(reaction, forDescriptor: false)
        case .park:
            hasParked(reaction, forDescriptor: true)
        case .down:
            precondition(reaction == .fail, "a dead socket goes down")
        }
        obey(reaction, reaction)
    }

    private mutating func failAgain(_ errno: Int32) {
        arm()
        failed(errno)
        if park != nil { timePassed(.whenThePauseEnds) }
    }

    private mutating func descriptorFreed() {
        obey(state.descriptorFreed(), park?.forDescriptor == true ? .arm : .none)
    }

    private mutating func timePassed(_ time: ListenerEvent.Time) {
        switch time {
        case .still: break
        case .justBeforeThePauseEnds: if let park { now.nanoseconds = max(now.nanoseconds, park.until.nanoseconds - 1) }
        case .whenThePauseEnds: if let park { now = max(now, park.until) }
        case .later(let nanoseconds): now.nanoseconds += nanoseconds
        }
        let isOver = park.map { $0.until <= now } ?? false
        obey(state.timePassed(now), isOver ? .arm : .none)
    }

    private mutating func pause() {
        let reaction = state.pause()
        guard !isClosed, !isToClose, !rests else { return obey(reaction, .none) }
        let expected: ListenerState.Reaction
        if hasArm { expected = wish == nil ? .cancel : .none } else { expected = waitsToBeArmed ? .withdraw : .none }
        if hasArm { wish = .rest } else { rests = true }
        park = nil
        obey(reaction, expected)
    }

    private mutating func interrupt() {
        let reaction = state.interrupt()
        let isArmed = hasArm && wish == nil
        if isArmed { wish = .goOn }
        obey(reaction, isArmed ? .cancel : .none)
    }

    private mutating func resume() {
        let reaction = state.resume()
        if case .rest = wish { wish = .goOn }
        let rested = rests
        rests = false
        obey(reaction, rested ? .arm : .none)
    }

    private mutating func close(delivering: Bool) {
        let reaction = state.close(delivering: delivering)
        guard !isClosed else { return obey(reaction, .none) }
        let expected: ListenerState.Reaction = !hasArm ? .close : wish == nil ? .cancel : .none
        if hasArm { wish = .close(delivering: delivering) }
        rests = false
        obey(reaction, expected)
    }

    private var isToClose: Bool { if case .close = wish { true } else { false } }
}

// Reactions, and what they must be like.
extension ListenerModel {
    private mutating func obey(_ reaction: ListenerState.Reaction, _ expected: ListenerState.Reaction) {
        precondition(reaction == expected, "\(reaction) instead of \(expected)")
        switch reaction {
        case .none, .park:
            break
        case .withdraw:
            precondition(waitsToBeArmed, "it does not wait to be armed")
            waitsToBeArmed = false
        case .arm:
            precondition(!waitsToBeArmed && !hasArm && !isClosed, "armed twice, or after its end")
            park = nil
            waitsToBeArmed = true
        case .cancel:
            precondition(hasArm, "there is nothing to cancel")
        case .close, .fail:
            precondition(!hasArm && !isClosed, "closed under an accept, or twice")
            park = nil
            waitsToBeArmed = false
            isClosed = true
        }
        check()
    }

    private mutating func hasParked(_ reaction: ListenerState.Reaction, forDescriptor: Bool) {
        precondition(reaction == .park(isNews: !hasSaidItParked), "parked, and told so once: \(reaction)")
        hasSaidItParked = true
        guard case .parked(let until, forDescriptor) = state.phase else {
            preconditionFailure("parked for another reason")
        }
        let pause = now.duration(to: until)
        precondition(pause > .zero && pause <= .seconds(1), "a pause of \(pause)")
        precondition(pause >= lastPause, "a pause of \(pause) after one of \(lastPause)")
        lastPause = pause
        park = (until, forDescriptor)
    }

    /// What is true of a listener at any time.
    private func check() {
        let states = [waitsToBeArmed, hasArm, park != nil, rests, isClosed]
        precondition(states.count { $0 } == 1, "in two states, or none")
        switch state.phase {
        case .idle: precondition(waitsToBeArmed, "idle, and nobody arms it")
        case .armed: precondition(hasArm && wish == nil, "armed, by its own account")
        case .parked(let until, _): precondition(until == park?.until, "parked for good")
        case .paused: precondition(rests, "rests, and nobody wishes it")
        case .cancelling(.idle): precondition(wish == .goOn, "to go on, and nobody wishes it")
        case .cancelling(.paused): precondition(wish == .rest, "to rest, and nobody wishes it")
        case .cancelling(.closed(let delivering)):
            precondition(wish == .close(delivering: delivering), "to close, and nobody wishes it")
        case .closed: precondition(isClosed, "closed, and still in use")
        }
        precondition(state.retries == retries, "miscounts its retries")
        precondition(state.isRecovering == hasSaidItParked, "ails, or does not")
    }
}

extension ListenerModel: CustomStringConvertible {
    var description: String { "\(state.phase), now \(now.nanoseconds)" }
}
