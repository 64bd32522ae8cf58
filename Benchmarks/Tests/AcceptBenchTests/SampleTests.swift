// Sample: when a round counts for nothing, and when the clients were the limit.

import Testing

@testable import accept_bench

struct SampleTests {
    private func sample(_ ledger: ConnectionLedger = .init(started: 9, connected: 9, answered: 9)) -> Sample {
        var sample = Sample(scenario: "storm", variant: "", contender: "ours", round: 0)
        sample.ledger = ledger
        return sample
    }

    private func result(seconds: Double, generatorCPU: Double) -> LoadResult {
        LoadResult(streams: [], seconds: seconds, generatorCPU: generatorCPU)
    }

    private func stream(lateness: [Moment], firstByte: [Moment]) -> StreamResult {
        var stream = StreamResult()
        for moment in lateness { stream.lateness.record(moment) }
        for moment in firstByte { stream.firstByte.record(moment) }
        return stream
    }

    @Test func aRoundInWhichAllWentWellCounts() {
        var sample = sample()
        sample.judge()
        sample.balance(accepted: 9, connected: 9)
        #expect(sample.invalid == nil)
    }

    @Test func aConnectionThatDidNotEndAsItShouldMakesItInvalid() {
        var sample = sample(.init(started: 9, connected: 9, answered: 8, reset: 1))
        sample.judge()
        #expect(sample.invalid == "of 9 connections 1 reset")
    }

    @Test func aDropOfTheKernelMakesItInvalid() {
        var sample = sample()
        sample.drops = ["ListenOverflows": 2, "ListenDrops": 3]
        sample.judge()
        #expect(sample.invalid == "the kernel dropped: ListenDrops +3, ListenOverflows +2")
    }

    @Test(arguments: [8, 10]) func anAccountThatDoesNotBalanceMakesItInvalid(accepted: Int) {
        var sample = sample()
        sample.balance(accepted: accepted, connected: 9)
        #expect(sample.invalid == "it accepted \(accepted) of 9 connections")
    }

    @Test func theFirstReasonStays() {
        var sample = sample(.init(started: 9, connected: 9, answered: 8, reset: 1))
        sample.drops = ["ListenDrops": 1]
        sample.judge()
        sample.balance(accepted: 8, connected: 9)
        #expect(sample.invalid == "of 9 connections 1 reset")
    }

    @Test func busyClientsAreTheLimitUnlessTheServerIsBusyToo() {
        var sample = sample(.init(started: 300, connected: 300, answered: 300))
        sample.values[.serverLoad] = 94
        sample.noteRate(result(seconds: 2, generatorCPU: 1.9))
        #expect(sample.isGeneratorLimited)
        #expect(sample.values[.rate] == 150)
        sample.values[.serverLoad] = 95
        sample.noteRate(result(seconds: 2, generatorCPU: 1.9))
        #expect(!sample.isGeneratorLimited)
        sample.values[.serverLoad] = 40
        sample.noteRate(result(seconds: 2, generatorCPU: 1.8))
        #expect(!sample.isGeneratorLimited)
    }

    @Test func clientsOnManyThreadsAreBusyWhenAllThreadsAre() {
        var one = result(seconds: 2, generatorCPU: 2)
        #expect(one.isGeneratorSaturated)
        one.add(result(seconds: 2, generatorCPU: 0))
        #expect(one.threads == 2)
        #expect(one.generatorLoad == 0.5)
        #expect(!one.isGeneratorSaturated)
    }

    @Test func latenessAboveHalfOfTheLatencyIsTheClientsOwn() {
        var sample = sample()
        // Powers of two are buckets of their own; half of a value lies in a bucket half as wide.
        sample.noteLatencies(stream(lateness: [1 << 20], firstByte: [1 << 20]))
        #expect(sample.isGeneratorLimited)
        sample.noteLatencies(stream(lateness: [600_000], firstByte: [1_000_000]))
        #expect(sample.isGeneratorLimited)
        sample.noteLatencies(stream(lateness: [400_000], firstByte: [1_000_000]))
        #expect(!sample.isGeneratorLimited)
    }

    @Test func latenessIsTheNinetyNinthPercentile() {
        var sample = sample()
        // One in two hundred is late, which is beyond it.
        let few = Array(repeating: Moment(1000), count: 199) + [50_000_000]
        sample.noteLatencies(stream(lateness: few, firstByte: [1_000_000]))
        #expect(!sample.isGeneratorLimited)
        let many = Array(repeating: Moment(1000), count: 196) + Array(repeating: 50_000_000, count: 4)
        sample.noteLatencies(stream(lateness: many, firstByte: [1_000_000]))
        #expect(sample.isGeneratorLimited)
    }
}
