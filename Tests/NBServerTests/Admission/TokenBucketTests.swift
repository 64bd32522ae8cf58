import NBEngine
import Synchronization
import Testing

@testable import NBServer

/// Rates: how many tokens there are at which time, what is promised, and that threads together get no more.
@Suite struct TokenBucketTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func bucket(_ perSecond: Int, burst: Int) -> TokenBucket {
        TokenBucket(AdmissionLimits.Rate(perSecond: perSecond, burst: burst))
    }

    @Test func aBucketBeginsWithItsBurstAndGetsATokenInEveryInterval() {
        let bucket = bucket(10, burst: 3)
        #expect(bucket.available(at: start) == 3)
        #expect(bucket.take(5, at: start).count == 3)
        #expect(bucket.take(1, at: start + .milliseconds(99)).count == 0)
        #expect(bucket.take(2, at: start + .milliseconds(100)).count == 1)
        #expect(bucket.available(at: start + .milliseconds(300)) == 2)
        // It holds no more than its burst.
        #expect(bucket.take(9, at: start + .seconds(100)).count == 3)
    }

    @Test func aRateOfNoneAndNoRate() {
        let none = bucket(0, burst: 5)
        #expect(none.isLimited)
        #expect(none.available(at: start) == 0)
        #expect(none.take(1, at: start).count == 0)
        #expect(none.promise(at: start) == nil)
        let any = TokenBucket(nil)
        #expect(!any.isLimited)
        #expect(any.available(at: start) == .max)
    }

    @Test func promisesComeAnIntervalAfterEachOther() {
        let bucket = bucket(10, burst: 2)
        #expect(bucket.take(2, at: start).count == 2)
        #expect(bucket.promise(at: start) == start + .milliseconds(100))
        #expect(bucket.promise(at: start) == start + .milliseconds(200))
        // What is promised is nobody else's.
        #expect(bucket.take(1, at: start + .milliseconds(200)).count == 0)
        #expect(bucket.take(1, at: start + .milliseconds(300)).count == 1)
    }

    @Test func aPromiseThatIsRedeemedLateCountsAsATokenOfThen() throws {
        let bucket = bucket(10, burst: 1)
        #expect(bucket.take(1, at: start).count == 1)
        let promised = try #require(bucket.promise(at: start))
        // In time it changes nothing: the next one comes an interval later.
        _ = bucket.redeem(promised, at: promised)
        let next = try #require(bucket.promise(at: promised))
        #expect(next == promised + .milliseconds(100))
        // Late, it is one of those that a full bucket holds.
        let late = next + .milliseconds(30)
        _ = bucket.redeem(next, at: late)
        #expect(bucket.promise(at: late) == late + .milliseconds(100))
        let last = late + .milliseconds(100)
        _ = bucket.redeem(last, at: last + .seconds(9))
        #expect(bucket.take(1, at: last + .seconds(9)).count == 0)
    }

    @Test func whatIsGivenBackIsThereAgainButNotBeyondABurst() {
        let bucket = bucket(10, burst: 3)
        let taken = bucket.take(3, at: start)
        bucket.give(2, since: taken.since, at: start)
        #expect(bucket.available(at: start) == 2)
        // A full bucket gets no tokens: of two that were out while one would have come, one is lost.
        let later = start + .seconds(10)
        let more = bucket.take(2, at: later)
        bucket.give(2, since: more.since, at: later + .milliseconds(100))
        #expect(bucket.available(at: later + .milliseconds(100)) == 3)
        #expect(bucket.take(9, at: later + .milliseconds(100)).count == 3)
    }

    @Test func anotherRateBeginsWithItsBurstAndTheSameGoesOn() {
        let bucket = bucket(10, burst: 3)
        #expect(bucket.take(3, at: start).count == 3)
        bucket.setRate(AdmissionLimits.Rate(perSecond: 10, burst: 3))
        #expect(bucket.available(at: start) == 0)
        bucket.setRate(AdmissionLimits.Rate(perSecond: 20, burst: 4))
        #expect(bucket.take(9, at: start).count == 4)
        #expect(bucket.take(9, at: start + .milliseconds(50)).count == 1)
    }

    @Test func aThreadWhoseTimeIsBehindGetsNothingMore() {
        let bucket = bucket(10, burst: 3)
        #expect(bucket.take(3, at: start).count == 3)
        #expect(bucket.take(1, at: start.earlier(by: .seconds(5))).count == 0)
        #expect(bucket.take(2, at: start + .milliseconds(100)).count == 1)
    }

    @Test(arguments: [(1, 1), (1, 1_000_000), (3, 7), (1_000_000, 1), (1_000_000, 1_000_000)])
    func theLeastAndTheGreatestRates(perSecond: Int, burst: Int) {
        let bucket = bucket(perSecond, burst: burst)
        #expect(bucket.take(.max, at: start).count == burst)
        let second = bucket.take(.max, at: start + .seconds(1)).count
        #expect(second == min(perSecond, burst) || perSecond == 3 && second == 2)
    }

    @Test func threadsTogetherGetABurstAndNoMore() throws {
        let bucket = bucket(1000, burst: 500)
        let taken = Atomic<Int>(0)
        let gates = (0..<8).map { _ in Gate() }
        for gate in gates {
            try startThread(named: "tokens") { [start] in
                for round in 0..<2000 {
                    let now = start + .microseconds(round * 50)
                    let count = bucket.take(2, at: now)
                    // Half of them need only one of two.
                    if count.count == 2 && round.isMultiple(of: 2) { bucket.give(1, since: count.since, at: now) }
                    taken.add(count.count == 2 && round.isMultiple(of: 2) ? 1 : count.count, ordering: .relaxed)
                }
                gate.open()
            }
        }
        for gate in gates { gate.wait() }
        // In 100 ms: a burst, and one in every millisecond.
        #expect(taken.load(ordering: .relaxed) <= 600)
        #expect(taken.load(ordering: .relaxed) >= 500)
    }
}
