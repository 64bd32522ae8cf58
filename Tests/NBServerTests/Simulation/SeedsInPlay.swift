import Glibc

/// The seeds of the histories being played, for when an assertion of the library ends the process.
enum SeedsInPlay {
    private static let capacity = 64
    // Read by a signal handler.
    nonisolated(unsafe) private static let seeds: UnsafeMutablePointer<UInt64> = {
        let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
        seeds.initialize(repeating: 0, count: capacity)
        return seeds
    }()
    /// The handler before this one, which is set when that is asked for: once, or two tests would each find the other's.
    nonisolated(unsafe) private static var before: sigaction = {
        var (action, before) = (sigaction(), sigaction())
        action.__sigaction_handler.sa_handler = { _ in SeedsInPlay.tell() }
        sigaction(SIGILL, &action, &before)
        return before
    }()

    static func note(_ seed: UInt64, lane: Int) {
        seeds[lane % capacity] = seed
    }

    static func tellWhenTheProcessTraps() {
        _ = (seeds, before)
    }

    /// Says which, then lets whoever handled it before, usually Swift's backtrace, see the same trap.
    private static func tell() {
        for lane in 0..<capacity where seeds[lane] != 0 {
            var text: [CChar] = Array(repeating: 0, count: 64)
            let count = withVaList([seeds[lane]]) { vsnprintf(&text, text.count, "trapped in NB_SEED=%llu\n", $0) }
            write(STDERR_FILENO, text, Int(count))
        }
        sigaction(SIGILL, &before, nil)
    }
}
