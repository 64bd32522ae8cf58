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
        #expect(!call.pending.isSettled)
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

    @Test func repliesOfOneCallbackLeaveInTheirOrder() {
        let ledger = CallLedger()
        ledger.enterLoop()
        let left = Lock<[Int]>.Box([])
        for number in 1...3 {
            let call = TypedCall<Int>(ledger)
            call.pending.whenSettled { left.value.withLock { $0.append(number) } }
            Caller(call).reply(number)
        }
        #expect(left.value.withLock { $0 } == [])
        ledger.flush()
        #expect(left.value.withLock { $0 } == [1, 2, 3])
        ledger.leaveLoop()
    }

    @Test func aReplyThatIsNotTakenIsLetGoOf() {
        final class Answer: Sendable {}
        weak var answer: Answer?
        do {
            let call = TypedCall<Answer>(CallLedger())
            let reply = Answer()
            answer = reply
            Caller(call).reply(reply)
            #expect(call.pending.isSettled)
        }
        #expect(answer == nil)
    }

    /// A reply lies in memory that was got for it.
    @Test func aReplyOfAnySizeAndAlignmentArrives() throws {
        func expectToArrive<Reply: Sendable & Equatable>(_ reply: Reply) throws {
            let call = TypedCall<Reply>(CallLedger())
            Caller(call).reply(reply)
            #expect(try call.get() == reply)
            #expect(try call.get() == reply)
        }
        struct Nothing: Equatable {}
        try expectToArrive(Nothing())
        try expectToArrive(UInt8(7))
        try expectToArrive(String(repeating: "long enough for the heap", count: 3))
        try expectToArrive(SIMD64<UInt64>(repeating: 5))
        try expectToArrive((0..<100).map { SIMD2<Double>(Double($0), 0) })
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
