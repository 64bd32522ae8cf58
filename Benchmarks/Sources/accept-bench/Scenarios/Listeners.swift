/// Connections to one port after the other, of a server that listens on many.
struct Listeners: Scenario {
    let name = "listeners"
    let question = "CPU per connection of a server that listens on many ports, each connection to another"
    let work = Work.banner
    let columns: [Metric] = [.cpu, .rate, .segments, .serverLoad, .generatorLoad]
    let listeners: Int

    var variant: String { listeners == 1 ? "1 port" : "\(listeners) ports" }

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .closed(inFlight: field.inFlight))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        sample.noteRate(try run(plan, process, field, &sample))
    }
}
