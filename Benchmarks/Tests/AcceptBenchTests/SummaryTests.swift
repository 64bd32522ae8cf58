// Summary: medians, quartiles and ratios over the rounds that count, and when there is no verdict.

import Testing

@testable import accept_bench

struct SummaryTests {
    private let ring = Contender.ring(Contender.ceiling, depth: 256)

    private func sample(_ contender: Contender, _ round: Int, _ values: [Metric: Double]) -> Sample {
        var sample = Sample(scenario: "storm", variant: "", contender: contender.name, round: round)
        sample.values = values
        return sample
    }

    private func samples(_ contender: Contender, cpu: [Double]) -> [Sample] {
        cpu.enumerated().map { sample(contender, $0, [.cpu: $1]) }
    }

    private func rows(
        _ samples: [Sample],
        _ absences: [Absence] = [],
        of scenario: any Scenario = Storm(),
        _ contenders: [Contender]? = nil
    ) -> [Row] {
        Summary([scenario], contenders ?? [.ours, ring], samples, absences).rows(of: scenario)
    }

    @Test func aFigureIsTheMedianWithItsQuartiles() throws {
        let row = try #require(rows(samples(.ours, cpu: [50, 10, 40, 20, 30])).first)
        #expect(row.medians[.cpu] == 30)
        #expect(row.lowerQuartile == 20)
        #expect(row.upperQuartile == 40)
        #expect(row.rounds == 5)
        #expect(row.validRounds == 5)
    }

    @Test func aRatioIsTakenWithinARoundAndNotOfTheMedians() throws {
        // The machine was ten times slower in the second round, for both. The medians' ratio would be 30 / 20.
        let all = samples(.ours, cpu: [30, 300, 10]) + samples(ring, cpu: [20, 100, 10])
        let row = try #require(rows(all).first)
        #expect(row.ratio == 1.5)
        #expect(row.ratioLowerQuartile == 1.25)
        #expect(row.ratioUpperQuartile == 2.25)
        #expect(rows(all)[1].ratio == 1)
    }

    @Test func anInvalidRoundCountsForNothingOnEitherSide() throws {
        var all = samples(.ours, cpu: [20, 1000, 20, 40]) + samples(ring, cpu: [10, 10, 1, 10])
        all[1].invalid = "of 9 connections 1 reset"
        all[6].invalid = "the kernel dropped: ListenDrops +1"
        let rows = rows(all)
        #expect(rows[0].medians[.cpu] == 20)
        #expect(rows[0].rounds == 4)
        #expect(rows[0].validRounds == 3)
        // Rounds 0 and 3 are valid for both.
        #expect(rows[0].ratio == 3)
        #expect(rows[0].notes == ["1 of 4 rounds invalid: of 9 connections 1 reset"])
        #expect(rows[1].notes == ["1 of 4 rounds invalid: the kernel dropped: ListenDrops +1"])
    }

    @Test func withoutAValidRoundThereIsNoFigure() throws {
        var all = samples(.ours, cpu: [20]) + samples(ring, cpu: [10])
        all[0].invalid = "it accepted 8 of 9 connections"
        let row = try #require(rows(all).first)
        #expect(row.medians[.cpu] == nil)
        #expect(row.ratio == nil)
        #expect(row.lowerQuartile == nil)
        #expect(row.validRounds == 0)
    }

    @Test func withoutTheCeilingThereIsNoRatio() throws {
        let row = try #require(rows(samples(.ours, cpu: [20])).first)
        #expect(row.medians[.cpu] == 20)
        #expect(row.ratio == nil)
    }

    @Test func ratiosToOtherLoopsAreTakenWithinARoundToo() throws {
        let finishing = Contender.ring(Contender.finishing, depth: 256, .finishing)
        let ours = samples(.ours, cpu: [30, 300, 10])
        let all = ours + samples(ring, cpu: [10, 10, 10]) + samples(.epoll, cpu: [30, 100, 20])
        let contenders = [Contender.ours, ring, finishing, .epoll]
        let row = try #require(rows(all, [], contenders).first)
        #expect(row.ratioToEpoll == 1)
        // Where the loop that takes the same steps takes no part, the plain one does what nb-server does.
        #expect(row.ratioToSameInC == 3)
        let same = rows(all + samples(finishing, cpu: [20, 100, 10]), [], contenders)
        #expect(same[0].ratioToSameInC == 1.5)
        #expect(same[2].ratioToSameInC == nil)
        #expect(rows(ours).first?.ratioToSameInC == nil)
    }

    @Test func whatHasOneThingMoreIsComparedWithWhatHasNot() throws {
        let limited = try #require(Contender.admissions.first)
        let all = samples(.ours, cpu: [10, 100, 20]) + samples(limited, cpu: [11, 102, 21])
        let rows = rows(all, [], [.ours, limited])
        #expect(rows[0].notes == [])
        #expect(rows[1].notes == ["1.050 of \"ours\""])
        let many = samples(.ours, cpu: [10, 10, 10, 10, 10, 10]) + samples(limited, cpu: [9, 10, 11, 12, 13, 14])
        let row = try #require(self.rows(many, [], [.ours, limited]).last)
        #expect(row.notes == ["1.150 of \"ours\", with 95 % confidence 0.900–1.400"])
    }

    @Test(arguments: [(2, false), (3, true)])
    func theClientsWereTheLimitIfTheyWereInMoreThanHalfOfTheRounds(limited: Int, isLimited: Bool) throws {
        var all = samples(.ours, cpu: [20, 20, 20, 20, 20]) + samples(ring, cpu: [10, 10, 10, 10, 10])
        for round in 0..<limited { all[round].isGeneratorLimited = true }
        let row = try #require(rows(all).first)
        #expect(row.generatorLimitedRounds == limited)
        #expect(row.isGeneratorLimited == isLimited)
        #expect(row.notes == (isLimited ? ["the clients were the limit"] : []))
        // What a connection costs is known all the same.
        #expect(row.ratio == 2)
    }

    @Test func aLatencyIsNoVerdictWhereTheClientsWereTheLimit() throws {
        let scenario = Rate(perSecond: 100)
        func sample(_ contender: Contender, p99: Double) -> Sample {
            var sample = Sample(scenario: "rate", variant: "100/s", contender: contender.name, round: 0)
            sample.values = [.p99: p99]
            return sample
        }
        var all = [sample(.ours, p99: 300), sample(ring, p99: 200)]
        #expect(try #require(rows(all, of: scenario).first).ratio == 1.5)
        all[0].isGeneratorLimited = true
        let row = try #require(rows(all, of: scenario).first)
        #expect(row.medians[.p99] == 300)
        #expect(row.ratio == nil)
        #expect(row.ratioLowerQuartile == nil)
        #expect(row.ratioUpperQuartile == nil)
    }

    @Test func variantsOfAScenarioAreApart() throws {
        var one = sample(.ours, 0, [.cpu: 10])
        (one.scenario, one.variant) = ("listeners", "1 port")
        var many = one
        (many.variant, many.values) = ("500 ports", [.cpu: 30])
        #expect(try #require(rows([one, many], of: Listeners(listeners: 500)).first).medians[.cpu] == 30)
    }

    @Test func rareQuantilesAreOfAllRoundsAndOnlyWhereTenLieBeyond() throws {
        func rounds(of count: Int) -> [Sample] {
            (0..<2).map { round in
                var sample = sample(.ours, round, [:])
                var latencies = Latencies()
                for _ in 0..<count { latencies.record(round == 0 ? 1_000_000 : 4_000_000) }
                sample.noteDistribution(latencies)
                return sample
            }
        }
        let enough = try #require(rows(rounds(of: 5000)).first)
        // Of one round the p99.9 would be a millisecond, or four; of a median of both, between.
        #expect(try #require(enough.medians[.p999]) >= 4000)
        #expect(enough.medians[.p9999] == nil)
        let few = try #require(rows(rounds(of: 4999)).first)
        #expect(few.medians[.p999] == nil)
        #expect(try #require(few.medians[.p99]) >= 2500)
    }

    @Test func whoDidNotTakePartIsARowWithItsReason() throws {
        let absence = Absence(Storm(), .ours, "ended with signal 11", isByNature: false)
        let row = try #require(rows([], [absence]).first)
        #expect(row.rounds == 0)
        #expect(row.notes == ["ended with signal 11"])
        #expect(!row.isAbsentByNature)
        #expect(rows([], [absence]).count == 1)
    }
}
