import Measuring

/// The raw data: a line for every contender in every round of every scenario.
enum CSV {
    private static let columns =
        ["scenario", "variant", "contender", "round", "valid", "seconds"]
        + Metric.allCases.map(\.rawValue)
        + ["started", "connected", "answered", "refused", "reset", "timedOut", "wrong", "failed", "unstarted"]
        + ["generatorLimited", "serverCPUBusy", "serverCPUOthers", "serverCPUSteal"]
        + ["clientCPUsBusy", "clientCPUsOthers", "clientCPUsSteal", "retransmissions", "drops", "invalid"]

    static func text(_ samples: [Sample]) -> String {
        ([columns] + samples.map(line)).map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func line(_ sample: Sample) -> [String] {
        let ledger = sample.ledger
        let counts = [
            ledger.started, ledger.connected, ledger.answered, ledger.refused, ledger.reset, ledger.timedOut,
            ledger.wrong,
            ledger.failed, ledger.unstarted,
        ]
        let drops = sample.drops.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        return [
            sample.scenario, sample.variant, sample.contender, "\(sample.round)",
            sample.invalid == nil ? "yes" : "no", sample.seconds.fixed(4),
        ]
            + Metric.allCases.map { sample.values[$0].map { $0.fixed(3) } ?? "" }
            + counts.map { "\($0)" }
            + [sample.isGeneratorLimited ? "yes" : "no"]
            + [sample.onServerCPU, sample.onClientCPUs].flatMap { share in
                [share.busy, share.others, share.steal].map { $0.fixed(1) }
            }
            + ["\(sample.retransmissions)", drops, sample.invalid ?? ""]
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { ",\"\n".contains($0) }) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}
