@preconcurrency internal import Glibc
internal import Measuring

/// What the soak says on standard error while it goes on: a line every ten seconds.
struct ProgressLog {
    private static let interval = Duration.seconds(10)

    private let start = ContinuousClock.now
    private let length: Duration
    private var last = ContinuousClock.now

    init(length: Duration) {
        self.length = length
    }

    var elapsed: Duration { .now - start }
    var isTimeUp: Bool { elapsed >= length }

    /// Says so, if it is time to.
    mutating func show(round: Int, phase: String, connections: Int, memory: Int) {
        guard ContinuousClock.now - last >= Self.interval else { return }
        last = .now
        Self.say(
            "\(elapsed.clock) of \(length.clock): round \(round), \(phase), \(connections.grouped) connections, "
                + "\(memory.mebibytes)"
        )
    }

    static func say(_ text: String) {
        fputs("soak: \(text)\n", stderr)
    }
}

extension Duration {
    /// Minutes and seconds.
    var clock: String {
        let seconds = components.seconds
        return "\(seconds / 60):" + (seconds % 60 < 10 ? "0" : "") + "\(seconds % 60)"
    }
}
