// TextReport: bounds look like bounds, and whoever has no figure has a reason.

import Testing

@testable import accept_bench

struct TextReportTests {
    private func line(of contender: String, limited: Bool) -> String {
        var sample = Sample(scenario: "storm", variant: "", contender: "ours", round: 0)
        sample.values = [.cpu: 12.345, .rate: 5000, .serverLoad: 50, .generatorLoad: 99]
        sample.isGeneratorLimited = limited
        let absence = Absence(Storm(), .epoll, "ended with exit status 1", isByNature: false)
        let summary = Summary([Storm()], [.ours, .epoll], [sample], [absence])
        let text = TextReport(scenarios: [Storm()], summary: summary, samples: [sample], mostRounds: 5, heading: [])
            .text
        let line = text.split(separator: "\n").first { $0.hasPrefix(contender) } ?? ""
        return line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    @Test func aRateOfTheClientsIsABoundAndACostIsNot() {
        #expect(line(of: "ours", limited: false) == "ours 12.35 12.35–12.35 – – 5000 – 50 99")
        #expect(
            line(of: "ours", limited: true) == "ours 12.35 12.35–12.35 – – ≥ 5000 – 50 99 the clients were the limit"
        )
    }

    @Test func aRowWithoutFiguresSaysWhy() {
        #expect(line(of: "epoll", limited: false) == "epoll – – – – – – – – ended with exit status 1")
    }

    @Test(arguments: Metric.allCases) func whatCostsIsExactAndWhatTakesTimeIsAtMost(metric: Metric) {
        switch metric {
        case .rate: #expect(metric.whereGeneratorIsLimit == .atLeast)
        case .time, .p50, .p90, .p99, .p999, .p9999: #expect(metric.whereGeneratorIsLimit == .atMost)
        default: #expect(metric.whereGeneratorIsLimit == .exact)
        }
    }
}
