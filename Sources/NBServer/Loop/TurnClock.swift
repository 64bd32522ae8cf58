internal import NBEngine

/// How long turns take, for a ``LoadObserver``. A value of the mail's; loop's thread only.
struct TurnClock {
    private var begin: Instant?
    private(set) var turns: UInt64 = 0
    private(set) var total = Duration.zero
    private var longest = Duration.zero

    /// A turn begins.
    mutating func noteBegin(at now: Instant) {
        begin = now
        turns += 1
    }

    /// It ends, but for the system call in which it may wait.
    mutating func noteEnd(at now: Instant) {
        guard let begin else { return }
        let time = begin.duration(to: now)
        total += time
        longest = max(longest, time)
        self.begin = nil
    }

    /// The longest turn that has ended since this was last asked.
    mutating func takeLongest() -> Duration {
        defer { longest = .zero }
        return longest
    }
}
