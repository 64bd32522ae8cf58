/// Something that is measured, once a round.
enum Metric: String, Codable, CodingKeyRepresentable, CaseIterable, Sendable {
    /// Microseconds of the server's CPU time per connection.
    case cpu
    /// The same, of one more when many are there, idle.
    case idleCPU
    /// Microseconds from the first accept to the last close, per connection.
    case time
    /// Connections a second.
    case rate
    /// Microseconds from when a connection was due to the first byte of the answer.
    case p50
    case p90
    case p99
    case p999
    case p9999
    /// Bytes of the server's resident memory per connection held.
    case memory
    /// Bytes of the kernel's memory per connection, both ends together.
    case kernelMemory
    /// TCP segments per connection, both ends together: loopback has one counter for both.
    case segments
    /// Microseconds of CPU time a second, of a server without clients.
    case idleLoad
    /// How much of the time it was accounted as waiting for I/O (`io.pressure` of a control group of its own), in percent.
    case ioPressure
    /// How much of the time the servers' CPU was accounted as waiting for I/O (`/proc/stat`), in percent: for any program.
    case ioWait
    /// How busy the server was, in percent of one CPU.
    case serverLoad
    /// How busy the generator was, in percent of all its CPUs.
    case generatorLoad
    /// How late connections of an open loop began, the 99th percentile in microseconds: the generator's own part.
    case lateness

    var heading: String {
        switch self {
        case .cpu: "µs CPU/conn"
        case .idleCPU: "one more"
        case .time: "µs/conn"
        case .rate: "conn/s"
        case .p50: "p50 µs"
        case .p90: "p90 µs"
        case .p99: "p99 µs"
        case .p999: "p99.9 µs"
        case .p9999: "p99.99 µs"
        case .memory: "bytes/conn"
        case .kernelMemory: "kernel bytes/conn"
        case .segments: "segments/conn"
        case .idleLoad: "µs CPU/s"
        case .ioPressure: "io pressure %"
        case .ioWait: "iowait %"
        case .serverLoad: "server %"
        case .generatorLoad: "clients %"
        case .lateness: "late p99 µs"
        }
    }

    var digits: Int {
        switch self {
        case .cpu, .idleCPU, .time, .segments: 2
        case .idleLoad, .ioPressure, .ioWait: 1
        default: 0
        }
    }

    /// What is still known of it where the generator was the limit.
    enum Bound: Sendable {
        /// All of it: what a connection costs at the generator's pace is what it costs.
        case exact
        /// The server may have had more to give.
        case atLeast
        /// The generator's own delay is in it.
        case atMost

        var sign: String {
            switch self {
            case .exact: ""
            case .atLeast: "≥ "
            case .atMost: "≤ "
            }
        }
    }

    var whereGeneratorIsLimit: Bound {
        switch self {
        case .rate: .atLeast
        case .time, .p50, .p90, .p99, .p999, .p9999: .atMost
        case .cpu, .idleCPU, .memory, .kernelMemory, .segments, .idleLoad, .ioPressure, .ioWait, .serverLoad,
            .generatorLoad, .lateness:
            .exact
        }
    }

    static let quantiles: [(Metric, Double)] = [(.p50, 50), (.p90, 90), (.p99, 99), (.p999, 99.9), (.p9999, 99.99)]
}
