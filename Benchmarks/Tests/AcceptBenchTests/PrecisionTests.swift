// Precision: when a control is so exact that no more rounds are needed, and what the table says of it.

import Testing

@testable import accept_bench

struct PrecisionTests {
    private func precision(control: [Double], mostRounds: Int = 9, of scenario: any Scenario = Storm()) -> Precision {
        let samples = control.enumerated().flatMap { round, ratio in
            [(Contender.ceiling, 20.0), (Contender.control, 20 * ratio), ("ours", 90)].map { name, value in
                var sample = Sample(scenario: scenario.name, variant: "", contender: name, round: round)
                sample.values = [.cpu: value, .p99: value]
                return sample
            }
        }
        return Precision(scenario, samples, mostRounds: mostRounds)
    }

    @Test func itIsReachedWhenTheIntervalIsCloseToOneOnBothSides() {
        #expect(precision(control: [0.98, 1, 1, 1, 1, 1.02]).isReached)
        #expect(!precision(control: [0.979, 1, 1, 1, 1, 1]).isReached)
        #expect(!precision(control: [1, 1, 1, 1, 1, 1.021]).isReached)
        // One that is far off is beyond the interval of nine.
        #expect(precision(control: [1, 1, 1, 1, 1, 1, 1, 1, 5]).isReached)
    }

    @Test func fiveRoundsOrNoControlSayNothing() {
        #expect(
            precision(control: [1, 1, 1, 1, 1]).words == "5 rounds, for want of time; how exact they are is not known"
        )
        #expect(!precision(control: []).isReached)
    }

    @Test func itSaysHowManyRoundsThereWereAndWhyNoMore() {
        let exact = precision(control: [0.99, 1, 1, 1, 1, 1.01])
        #expect(exact.words == #"6 rounds; "ring, again" is 0.990–1.010 with 95 % confidence, within 2 %"#)
        let late = precision(control: [0.9, 1, 1, 1, 1, 1.1])
        #expect(
            late.words
                == #"6 rounds, for want of time; "ring, again" is 0.900–1.100 with 95 % confidence, not within 2 %"#
        )
        let enough = precision(control: [0.9, 1, 1, 1, 1, 1.1], mostRounds: 6)
        #expect(enough.words.hasPrefix("6 rounds, the most there were to be; "))
    }

    @Test func roundsThatDoNotCountDoNotCount() {
        var samples = (0..<7).flatMap { round in
            [Contender.ceiling, Contender.control].map { name in
                var sample = Sample(scenario: "storm", variant: "", contender: name, round: round)
                sample.values = [.cpu: round == 3 && name == Contender.control ? 90 : 20]
                return sample
            }
        }
        #expect(!Precision(Storm(), samples, mostRounds: 9).isReached)
        for index in samples.indices where samples[index].round == 3 {
            samples[index].invalid = "of 9 connections 1 reset"
        }
        #expect(Precision(Storm(), samples, mostRounds: 9).isReached)
        #expect(Precision(Storm(), samples, mostRounds: 9).rounds == 7)
    }

    @Test func whatIsNotComparedByCPUTimeIsNotRepeatedUntilItIsExact() {
        #expect(Storm().rounds(atMost: 30) == 30)
        #expect(Rate(perSecond: 1).rounds(atMost: 30) == 9)
        #expect(Rate(perSecond: 1).rounds(atMost: 3) == 3)
        #expect(Idle().rounds(atMost: 30) == 3)
    }
}
