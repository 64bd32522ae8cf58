/// As many connections as can be, so many at a time.
struct Storm: Scenario {
    let name = "storm"
    let question = "connections one after the other, many at a time (closed loop): banner, end"
    let work = Work.banner
    let columns: [Metric] = [.cpu, .rate, .segments, .serverLoad, .generatorLoad]

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .closed(inFlight: field.inFlight))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        sample.noteRate(try run(plan, process, field, &sample))
    }
}
