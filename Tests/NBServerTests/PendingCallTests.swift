import Glibc
import Testing

@testable import NBServer

/// A call that waits, by itself: what decides what it comes to.
@Suite struct PendingCallTests {
    /// Somebody who has sent a message may be the last to let go of it, between the callback that replies and the moment when
    /// the reply leaves.
    @Test func aReplyCountsAlthoughTheLastCopyOfTheCallerGoesElsewhereBeforeItLeaves() throws {
        let ledger = CallLedger()
        ledger.enterLoop()
        let call = TypedCall<Int>(ledger)
        let caller = Lock<Caller<Int>?>(Caller(call))
        caller.withLock { $0?.reply(5) }
        try onAnotherThread { caller.withLock { $0 = nil } }
        #expect(!call.isSettled)
        ledger.flush()
        #expect(try call.get() == 5)
        ledger.leaveLoop()
    }

    @Test func theFirstReplyCountsAlthoughAnotherLeavesBeforeIt() throws {
        let ledger = CallLedger()
        ledger.enterLoop()
        let call = TypedCall<Int>(ledger)
        let caller = Caller(call)
        caller.reply(1)
        try onAnotherThread { caller.reply(2) }
        ledger.flush()
        #expect(try call.get() == 1)
        ledger.leaveLoop()
    }

    @Test func aCallerThatIsLetGoOfUnansweredEndsItsCall() {
        let call = TypedCall<Int>(CallLedger())
        _ = Caller(call)
        let error = #expect(throws: CallError.self) { try call.get() }
        #expect(error?.description == CallError.unanswered.description)
    }

    private func onAnotherThread(_ body: @escaping @Sendable () -> Void) throws {
        let end = Gate()
        try startThread {
            body()
            end.open()
        }
        end.wait()
    }
}
