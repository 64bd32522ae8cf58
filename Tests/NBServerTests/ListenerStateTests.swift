import Glibc
import NBEngine
import Testing

@testable import NBServer

/// The listener's state machine by itself: every arrow of its diagram, and no other.
@Suite struct ListenerStateTests {
    let now = Instant(nanoseconds: 5_000_000_000)

    private func armed() -> ListenerState {
        var state = ListenerState()
        state.arm()
        return state
    }

    @Test func anArmDeliversUntilItEnds() {
        var state = armed()
        #expect(state.accepted() == true)
        #expect(state.accepted() == true)
        #expect(state.phase == .armed)
        #expect(state.ended() == .arm)
        #expect(state.phase == .idle)
    }

    @Test func outOfDescriptorsParksAndPausesGrowToASecond() {
        var state = ListenerState()
        var time = now
        for (attempt, milliseconds) in [250, 500, 1000, 1000, 1000].enumerated() {
            state.arm()
            #expect(state.failed(AcceptFailure(errno: EMFILE), at: time) == .park(isNews: attempt == 0))
            let end = time + .milliseconds(milliseconds)
            #expect(state.phase == .parked(until: end, forDescriptor: true))
            #expect(state.timePassed(Instant(nanoseconds: end.nanoseconds - 1)) == .none)
            #expect(state.timePassed(end) == .arm)
            time = end
        }
    }

    @Test func aConnectionMakesTheNextPauseShortAgain() {
        var state = armed()
        _ = state.failed(.park, at: now)
        _ = state.descriptorFreed()
        state.arm()
        #expect(state.accepted() == true)
        #expect(state.ended() == .arm)
        state.arm()
        _ = state.failed(.park, at: now)
        #expect(state.phase == .parked(until: now + .milliseconds(250), forDescriptor: true))
    }

    @Test func aFreedDescriptorEndsThePauseEarly() {
        var state = armed()
        _ = state.failed(.park, at: now)
        #expect(state.descriptorFreed() == .arm)
        #expect(state.phase == .idle)
        #expect(state.descriptorFreed() == .none)
    }

    @Test func aPauseForAnythingElseIsNotEndedByAFreedDescriptor() {
        var state = armed()
        _ = state.failed(AcceptFailure(errno: EPERM), at: now)
        #expect(state.descriptorFreed() == .none)
        #expect(state.timePassed(now + .milliseconds(250)) == .arm)
    }

    @Test func itAilsUntilItAccepts() {
        var state = armed()
        _ = state.failed(.park, at: now)
        #expect(state.isRecovering)
        _ = state.descriptorFreed()
        state.arm()
        #expect(state.failed(.park, at: now) == .park(isNews: false))
        _ = state.descriptorFreed()
        state.arm()
        #expect(state.accepted() == true)
        #expect(!state.isRecovering)
        #expect(state.failed(.park, at: now) == .park(isNews: true))
    }

    @Test func passingErrorsAreRetriedAtOnceButNotForEver() {
        var state = ListenerState()
        for _ in 0..<ListenerState.retryLimit {
            state.arm()
            #expect(state.failed(.retry, at: now) == .arm)
        }
        state.arm()
        #expect(state.failed(.retry, at: now) == .park(isNews: true))
    }

    @Test func passingErrorsAndPausesAreCountedApart() {
        var state = ListenerState()
        for _ in 0..<10 {
            state.arm()
            #expect(state.failed(.retry, at: now) == .arm)
        }
        state.arm()
        _ = state.failed(.park, at: now)
        #expect(state.phase == .parked(until: now + .milliseconds(250), forDescriptor: true))
        for _ in 0..<100 {
            _ = state.timePassed(now + .seconds(1))
            state.arm()
            _ = state.failed(.backOff, at: now)
        }
        _ = state.timePassed(now + .seconds(1))
        state.arm()
        #expect(state.failed(.retry, at: now) == .arm)
    }

    @Test func aFatalErrorIsTheEnd() {
        var state = armed()
        #expect(state.failed(.down, at: now) == .fail)
        #expect(state.phase == .closed)
        #expect(state.close() == .none)
    }

    @Test func closingAnArmedListenerCancelsAndDiscardsUntilTheArmEnds() {
        var state = armed()
        #expect(state.close() == .cancel)
        #expect(state.close() == .none)
        #expect(state.accepted() == false)
        #expect(state.failed(AcceptFailure(errno: ECANCELED), at: now) == .close)
        #expect(state.phase == .closed)
    }

    @Test func anArmMayEndWithAConnectionWhileItIsCancelled() {
        var state = armed()
        _ = state.close()
        #expect(state.accepted() == false)
        #expect(state.ended() == .close)
    }

    @Test func anArmThatIsInterruptedEndsAndIsFollowedByAnother() {
        var state = armed()
        #expect(state.interrupt() == .cancel)
        #expect(state.interrupt() == .none)
        #expect(state.accepted() == true)
        #expect(state.failed(AcceptFailure(errno: ECANCELED), at: now) == .arm)
        #expect(state.phase == .idle)
        #expect(state.interrupt() == .none)
    }

    @Test func aListenerThatIsInterruptedMayStillBePausedOrClosed() {
        var paused = armed()
        _ = paused.interrupt()
        #expect(paused.pause() == .none)
        #expect(paused.failed(AcceptFailure(errno: ECANCELED), at: now) == .none)
        #expect(paused.phase == .paused)
        var closed = armed()
        _ = closed.interrupt()
        #expect(closed.close() == .none)
        #expect(closed.failed(AcceptFailure(errno: ECANCELED), at: now) == .close)
    }

    @Test func closingAnUnarmedListenerClosesAtOnce() {
        var idle = ListenerState()
        #expect(idle.close() == .close)
        var parked = armed()
        _ = parked.failed(.park, at: now)
        #expect(parked.close() == .close)
        #expect(parked.timePassed(now + .seconds(9)) == .none)
    }

    @Test(arguments: [
        (ECONNABORTED, AcceptFailure.retry), (EPROTO, .retry), (ENETDOWN, .retry), (ENOPROTOOPT, .retry),
        (EHOSTDOWN, .retry), (ENONET, .retry), (EHOSTUNREACH, .retry), (EOPNOTSUPP, .retry), (ENETUNREACH, .retry),
        (EAGAIN, .retry), (EINTR, .retry), (ECANCELED, .retry), (EMFILE, .park), (ENFILE, .park), (ENOBUFS, .park),
        (ENOMEM, .park), (EPERM, .backOff), (EACCES, .backOff), (EIO, .backOff), (EINVAL, .down), (EBADF, .down),
        (ENOTSOCK, .down),
    ])
    func everyErrorHasAnAnswer(errno: Int32, answer: AcceptFailure) {
        #expect(AcceptFailure(errno: errno) == answer)
    }
}
