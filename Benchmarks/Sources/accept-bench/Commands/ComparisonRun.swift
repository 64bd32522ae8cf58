import ArgumentParser
import Glibc
import LoopbackClient
import Measuring

/// A comparison from the first measurement to the last file: also if it is interrupted, with what is finished by then.
struct ComparisonRun {
    let scenarios: [any Scenario]
    let lineup: Lineup
    let mostRounds: Int
    /// How long it may take, with fewer rounds if need be.
    let secondsInAll: Double?
    let field: Field
    let manifest: Manifest
    let resultsFolder: String
    let printsJSON: Bool

    func run() throws {
        let begin = Moment.now()
        let depths = DepthChoice(scenarios: scenarios, rounds: min(3, mostRounds), field: field)
        let measurements = scenarios.map { $0.rounds(atMost: mostRounds) }.reduce(0, +) * lineup.contenders.count
        let progress = ProgressLine(total: Double(measurements + (lineup.hasRing ? depths.steps : 0)))
        defer { progress.clear() }

        var (lineup, choice) = (lineup, "nobody's depth was chosen")
        if lineup.hasRing { (lineup, choice) = try depths.choose(for: lineup, progress) }
        let comparison = Comparison(
            scenarios: scenarios,
            lineup: lineup,
            mostRounds: mostRounds,
            field: field,
            progress: progress,
            end: secondsInAll.map { begin + Moment(seconds: $0) }
        )
        var interruption: (any Error)?
        do {
            try comparison.run()
        } catch {
            interruption = error
        }
        progress.clear()
        try report(comparison, lineup, choice, isComplete: interruption == nil, Moment.now().since(begin).seconds)
        if let interruption { throw interruption }
        guard !hasGaps(comparison) else { throw ExitCode(1) }
    }

    /// Whether a contender dropped out, or has no valid round.
    private func hasGaps(_ comparison: Comparison) -> Bool {
        let rows = Summary(scenarios, lineup.contenders, comparison.samples, comparison.absences).rows
        return comparison.absences.contains { !$0.isByNature } || rows.contains { $0.rounds > 0 && $0.validRounds == 0 }
    }

    private func report(
        _ comparison: Comparison,
        _ lineup: Lineup,
        _ choice: String,
        isComplete: Bool,
        _ seconds: Double
    ) throws {
        let summary = Summary(scenarios, lineup.contenders, comparison.samples, comparison.absences)
        let heading = [
            "interleaved rounds, \(mostRounds) at most, \(field.seconds.fixed(1)) s each, \(field.inFlight) clients at a time, "
                + (field.shards > 1 ? "\(field.shards) shards, " : "")
                + "\(field.backlog) connections in a backlog; \(Placement.describe(field.placement)); loopback",
            choice,
            isComplete
                ? "took \(seconds.fixed(0)) s" : "INTERRUPTED after \(seconds.fixed(0)) s: what is here was finished",
        ]
        let text = TextReport(
            scenarios: scenarios,
            summary: summary,
            samples: comparison.samples,
            mostRounds: mostRounds,
            heading: heading
        )
        .text
        let json = try JSONReport(
            isComplete: isComplete,
            machine: Dictionary(manifest.entries.map { ($0.name, $0.value) }) { first, _ in first },
            contenders: Dictionary(lineup.contenders.map { ($0.name, $0.summary) }) { first, _ in first },
            rows: summary.rows,
            precisions: scenarios.map { summary.precision(of: $0, mostRounds: mostRounds) },
            samples: comparison.samples,
            absences: comparison.absences
        ).text()
        writeText(printsJSON ? json : text, to: STDOUT_FILENO)
        try write(comparison, summary, text, json, choice)
    }

    private func write(
        _ comparison: Comparison,
        _ summary: Summary,
        _ text: String,
        _ json: String,
        _ choice: String
    ) throws {
        let folder = try ResultFolder(in: resultsFolder, host: Manifest.hostName)
        try folder.write(text, to: "table.txt")
        try folder.write(json, to: "results.json")
        try folder.write(CSV.text(comparison.samples), to: "raw.csv")
        let contenders = lineup.contenders.map { "\($0.name): \($0.summary)\n" }.joined()
        try folder.write(manifest.text + choice + "\n\ncontenders:\n" + contenders, to: "machine.txt")
        if Plots.isPossible {
            let processor = manifest.entries.first { $0.name == "CPU" }?.value ?? ""
            let subtitle =
                "\(processor), \(field.placement == nil ? "one CPU" : "loopback, one CPU for the server"), \(mostRounds) rounds at most"
            try Plots(scenarios: scenarios, summary: summary, subtitle: subtitle).draw(into: folder)
        }
        let hint = Plots.isPossible ? "" : "; install gnuplot for plots"
        writeText("results in \(folder.path)\(hint)\n", to: STDERR_FILENO)
    }
}
