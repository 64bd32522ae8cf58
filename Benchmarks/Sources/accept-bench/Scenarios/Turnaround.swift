/// Connect, request, response, end: what a server of short requests does all day.
struct Turnaround: Scenario {
    let name = "turnaround"
    let question = "connect, request, response, end, many at a time (closed loop)"
    let work = Work.turnaround
    let columns: [Metric] = [.cpu, .rate, .segments, .serverLoad, .generatorLoad]

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .closed(inFlight: field.inFlight))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        sample.noteRate(try run(plan, process, field, &sample))
    }
}
