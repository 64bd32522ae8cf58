/// One listener is flooded; how long do the clients of the other wait?
///
/// Both kinds of clients are one generator's, whose own delay is in the figures, alike for all contenders.
struct Neighbor: Scenario {
    let name = "neighbor"
    let question = "connect to first byte at a quiet port while another port of the same server is flooded"
    let work = Work.banner
    let listeners = 2
    let columns: [Metric] = [.p99, .p50, .p90, .p999, .generatorLoad, .lateness]

    private static let perSecond = 500.0

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        var flood = stream(process, .closed(inFlight: 2 * field.inFlight))
        flood.targets = [process.targets[0]]
        flood.isBackground = true
        var quiet = stream(process, .open(perSecond: Self.perSecond, atMost: 512))
        quiet.targets = [process.targets[1]]
        let plan = LoadPlan(streams: [quiet, flood], sources: field.sources, seconds: field.seconds)
        let result = try run(plan, process, field, &sample)
        sample.noteLatencies(result.streams[0])
        sample.values[.rate] = Double(sample.ledger.answered) / max(0.001, result.seconds)
    }
}
