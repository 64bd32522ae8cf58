import LoopbackClient
import Measuring

/// Another thread of the server's own process calls the loop, which is under a flood; how long does it wait for the answer?
///
/// For nb-server that is a call as in Erlang; for the C loops and SwiftNIO, the least that could be called one: an eventfd, or
/// a task of the event loop.
struct Calls: Scenario {
    let name = "call"
    let question = "how long another thread's call waits for the loop's answer during a storm"
    let work = Work.banner
    let startsAfresh = true
    let columns: [Metric] = [.p99, .p50, .p90, .p999]
    let callInterval: Int

    func objection(to contender: Contender) -> String? {
        if contender.isExternal { return "a server that is not ours has nothing to call" }
        return contender.reasonNotToBeCalled
    }

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let stream = stream(process, .closed(inFlight: field.inFlight))
        let plan = LoadPlan(streams: [stream], sources: field.sources, seconds: field.seconds)
        sample.noteRate(try run(plan, process, field, &sample))
        sample.isGeneratorLimited = false
    }

    func complete(_ sample: inout Sample, from report: ContenderReport?) throws {
        guard let calls = report?.calls, calls.count > 0 else { throw Failure("no call was answered") }
        sample.noteDistribution(calls)
    }
}
