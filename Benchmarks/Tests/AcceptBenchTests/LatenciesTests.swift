// Latencies: what goes in comes out, to three digits, and sums have all of it.

import Testing

@testable import accept_bench

struct LatenciesTests {
    @Test func quantilesAreInMicrosecondsToThreeDigits() {
        var latencies = Latencies()
        for microseconds in 1...1000 { latencies.record(Moment(microseconds) * 1000) }
        #expect(latencies.count == 1000)
        // A bucket's greatest value stands for all in it: at most a thousandth more.
        for (percentile, expected) in [(50.0, 500.0), (90, 900), (99, 990), (99.9, 999), (100, 1000)] {
            let quantile = latencies.quantile(percentile)
            #expect(quantile >= expected && quantile <= expected * 1.001)
        }
        #expect(latencies.greatest >= 1000 && latencies.greatest <= 1001)
    }

    @Test func aSumHasAllOfBoth() {
        var fast = Latencies()
        var slow = Latencies()
        for _ in 0..<99 { fast.record(1_000_000) }
        slow.record(2_000_000_000)
        #expect(fast.quantile(100) < 1002)
        fast.add(slow)
        #expect(fast.count == 100)
        #expect(fast.quantile(99) < 1002)
        #expect(fast.quantile(100) >= 2_000_000)
    }

    @Test func whatTakesLongerThanAMinuteIsAMinute() {
        var latencies = Latencies()
        latencies.record(.max)
        #expect(latencies.count == 1)
        #expect(latencies.quantile(50) >= 60_000_000 && latencies.quantile(50) < 60_100_000)
    }

    @Test func nothingHasNoQuantiles() {
        #expect(Latencies().quantile(50).isNaN)
        #expect(Latencies().greatest.isNaN)
    }
}
