import Glibc
import LoopbackClient
import Measuring
import Synchronization

/// A full backlog is emptied.
///
/// The server is stopped (SIGSTOP) while connections queue. It is timed from when it may go on (SIGCONT) until it has ended the
/// connection that came last; its CPU time counts until it has come to rest. The clients sleep meanwhile and read afterwards. Clients
/// that are awake while the server drains are most of the noise, and a server pays for each client it wakes.
struct Backlog: Scenario {
    let name = "backlog"
    let question = "CPU per connection when a full backlog is emptied at once"
    let work = Work.banner
    let columns: [Metric] = [.cpu, .time, .segments]

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let drain = Mutex(Drain())
        let count = field.backlog
        let target = process.targets[0]
        try process.freeze()
        var stream = stream(process, .closed(inFlight: count))
        stream.count = count
        stream.waitsUntilAllAreConnected = true
        let processes = try process.processes()
        let group = processes[0]
        var plan = LoadPlan(streams: [stream], sources: field.sources, seconds: 5)
        plan.whenConnected = { last in
            try Self.expectQueue(of: count, at: target)
            let before = try CPUTime(of: processes)
            let start = Moment.now()
            guard kill(-group, SIGCONT) == 0 else { throw Failure(call: "kill") }
            try Self.awaitEnd(of: last)
            let time = Moment.now().since(start).microseconds
            let cpu = try cpuTimeOnceIdle(processes).microseconds(since: before)
            drain.withLock { $0 = Drain(microseconds: time, cpuMicroseconds: cpu) }
        }
        _ = try run(plan, process, field, &sample)
        let drained = drain.withLock { $0 }
        sample.values[.time] = drained.microseconds / Double(count)
        sample.values[.cpu] = drained.cpuMicroseconds / Double(count)
        // It was stopped for most of the time.
        sample.values[.serverLoad] = nil
    }

    private struct Drain: Sendable {
        var microseconds = 0.0
        var cpuMicroseconds = 0.0
    }

    /// A drain of fewer would pass for a fast one.
    private static func expectQueue(of count: Int, at target: TargetAddress) throws {
        var queued = 0
        // The last handshake may still be on its way through the loopback interface.
        for _ in 0..<100 {
            queued = try AcceptQueue.length(at: target)
            if queued == count { return }
            usleep(2000)
        }
        throw Failure("\(queued) connections are in its accept queue instead of \(count): is its backlog too small?")
    }

    private static func awaitEnd(of connection: Int32) throws {
        // POLLRDHUP, which the Glibc module leaves out: the FIN wakes the client and the banner before it does not.
        let peerHasClosed: Int16 = 0x2000
        var interest = pollfd(fd: connection, events: peerHasClosed, revents: 0)
        guard poll(&interest, 1, 10_000) == 1 else { throw Failure("did not empty its backlog within 10 s: it hangs") }
    }
}
