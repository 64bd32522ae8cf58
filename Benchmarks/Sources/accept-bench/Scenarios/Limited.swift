/// Ten requests on a connection, one after the other; then the server closes it.
struct Limited: Scenario {
    let name = "limited"
    let question =
        "ten requests on a connection, one after the other, then end, many connections at a time (closed loop)"
    let work = Work.limited
    let columns: [Metric] = [.cpu, .rate, .segments, .serverLoad, .generatorLoad]

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .closed(inFlight: field.inFlight))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        sample.noteRate(try run(plan, process, field, &sample))
    }
}
