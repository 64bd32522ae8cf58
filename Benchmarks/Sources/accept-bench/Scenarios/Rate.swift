/// So many connections a second come, whatever the server does.
///
/// Latency counts from when a connection was due, not from when it could be made: a server that stalls makes all those wait
/// that were due meanwhile.
struct Rate: Scenario {
    let name = "rate"
    let question = "connect to first byte at a fixed offered rate (open loop), from the schedule"
    let work = Work.banner
    let columns: [Metric] = [.p99, .p50, .p90, .p999, .p9999, .cpu, .lateness]
    let perSecond: Double

    var variant: String { "\(Int(perSecond))/s" }

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .open(perSecond: perSecond, atMost: 2048))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        let result = try run(plan, process, field, &sample)
        sample.noteLatencies(result.streams[0])
        sample.values[.rate] = Double(sample.ledger.answered) / max(0.001, result.seconds)
    }
}
