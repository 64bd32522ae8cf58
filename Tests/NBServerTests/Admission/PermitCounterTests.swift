import Glibc
import Synchronization
import Testing

@testable import NBServer

/// The count that loops share: what is taken, who waits, and that threads which take, wait and give lose nothing.
@Suite struct PermitCounterTests {
    /// The account of a loop that sleeps until it is granted something.
    private func account(_ counter: PermitCounter) -> PermitAccount { PermitAccount(counter, Self.sleeper()) }

    private static func sleeper() -> LoopControl {
        let control = LoopControl()
        control.doorbell.publishSleep()
        return control
    }

    @Test func noMoreIsTakenThanTheLimitAllows() {
        let counter = PermitCounter(limit: 3)
        #expect(counter.take(2) == 2)
        #expect(counter.take(2) == 1)
        #expect(counter.take(1) == 0)
        #expect(counter.free == 0)
        counter.give(3)
        #expect(counter.taken == 0)
        #expect(PermitCounter(limit: nil).take(1 << 40) == 1 << 40)
        #expect(PermitCounter(limit: 0).take(1) == 0)
    }

    @Test func aLimitThatIsLoweredTakesNothingAway() {
        let counter = PermitCounter(limit: 3)
        #expect(counter.take(3) == 3)
        counter.setLimit(1)
        #expect(counter.free == -2)
        counter.give(2)
        #expect(counter.take(1) == 0)
        counter.give(1)
        #expect(counter.take(2) == 1)
    }

    @Test func thoseThatWaitAreServedInTheirOrderAndBeforeOthers() {
        let counter = PermitCounter(limit: 2)
        #expect(counter.take(2) == 2)
        var (first, second) = (account(counter), account(counter))
        first.settle(needing: 2)
        second.settle(needing: 1)
        counter.give(1)
        #expect(counter.take(1) == 0)
        second.settle(needing: 1)
        #expect(second.inHand == 0)
        first.settle(needing: 2)
        #expect(first.inHand == 1)
        // It needs no more, so the next in line gets what it had.
        first.settle(needing: 0)
        second.settle(needing: 1)
        #expect(second.inHand == 1)
        #expect(!counter.hasLine)
        second.settle(needing: 0)
        counter.give(1)
        #expect(counter.taken == 0)
    }

    @Test func aPermitThatComesBackWakesTheFirstInLine() {
        let counter = PermitCounter(limit: 1)
        let controls = (Self.sleeper(), Self.sleeper())
        var accounts = (PermitAccount(counter, controls.0), PermitAccount(counter, controls.1))
        #expect(counter.take(1) == 1)
        accounts.0.settle(needing: 1)
        accounts.1.settle(needing: 1)
        counter.give(1)
        #expect(controls.0.takeAdmissionNews())
        #expect(!controls.1.takeAdmissionNews())
        // A loop that ends while it has what it was granted passes it on.
        accounts.0.settle(needing: 0)
        #expect(controls.1.takeAdmissionNews())
        accounts.1.settle(needing: 0)
        #expect(counter.taken == 0)
    }

    /// It may be blocked. It looks for itself before it sleeps.
    @Test func aLoopThatIsAwakeIsGrantedNothingAndTakesWhatIsFree() {
        let counter = PermitCounter(limit: 1)
        let controls = (LoopControl(), Self.sleeper())
        var accounts = (PermitAccount(counter, controls.0), PermitAccount(counter, controls.1))
        #expect(counter.take(1) == 1)
        accounts.0.settle(needing: 1)
        #expect(!accounts.0.canRenew)
        counter.give(1)
        #expect(!controls.0.hasAdmissionNews && accounts.0.canRenew && counter.free == 1)
        // None that is not in line takes it.
        #expect(counter.take(1) == 0)
        accounts.0.settle(needing: 1)
        #expect(accounts.0.inHand == 1 && !accounts.0.canRenew)
        // The first in line is awake, so the second is woken.
        accounts.0.use()
        accounts.0.settle(needing: 1)
        accounts.1.settle(needing: 1)
        counter.give(1)
        #expect(!controls.0.hasAdmissionNews && controls.1.takeAdmissionNews())
        accounts.1.settle(needing: 0)
        #expect(accounts.0.canRenew)
        accounts.0.settle(needing: 0)
        #expect(counter.taken == 0 && !counter.hasLine)
    }

    @Test func threadsThatTakeWaitAndGiveKeepToTheLimitAndLoseNothing() throws {
        let limit = 5
        let counter = PermitCounter(limit: limit)
        let open = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let served = Atomic<Int>(0)
        let total = (0..<8).reduce(0) { total, number in (0..<2000).reduce(total) { $0 + 1 + (number + $1) % 3 } }
        let gates = (0..<8).map { _ in Gate() }
        for (number, gate) in gates.enumerated() {
            try startThread(named: "permits") {
                var account = PermitAccount(counter, LoopControl())
                for round in 0..<2000 {
                    // It comes for one to three, uses what it gets, and waits for the rest.
                    var needed = 1 + (number + round) % 3
                    account.take(for: needed)
                    while needed > 0 {
                        let count = account.inHand
                        for _ in 0..<count { account.use() }
                        most.max(open.add(count, ordering: .sequentiallyConsistent).newValue, ordering: .relaxed)
                        open.subtract(count, ordering: .sequentiallyConsistent)
                        served.add(count, ordering: .relaxed)
                        account.returned += count
                        needed -= count
                        account.settle(needing: needed)
                        sched_yield()
                    }
                }
                gate.open()
            }
        }
        for gate in gates { gate.wait() }
        #expect(most.load(ordering: .relaxed) <= limit)
        #expect(served.load(ordering: .relaxed) == total)
        #expect(counter.taken == 0)
        #expect(!counter.hasLine)
    }
}
