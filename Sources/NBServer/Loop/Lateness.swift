internal import NBEngine

/// Whether the loop was late, because its process was stopped, its machine was busy, or a callback took long.
///
/// If a wait ends long after its deadline, what is due is looked at again before a timeout, a drain or a stop takes silence for an
/// answer: until nothing more has completed, or for as long as the loop was late. Part of the loop; loop's thread only.
///
/// ```
///  in time ── a wait ends late ──▶ looks again ── nothing is left to act on, or the time is over ──▶ in time
/// ```
struct Lateness {
    /// A turn, or a wait, that takes so much longer than it should is late.
    static let tolerance = Duration.milliseconds(10)

    /// Until then, deadlines of the server as a whole wait for what has come meanwhile.
    private(set) var looksAgainUntil: Instant?
    /// Until when the enter before could wait.
    private var deadline: Instant?

    /// The loop is about to wait.
    mutating func noteWait(until deadline: Instant?) {
        self.deadline = deadline
    }

    /// The wait may end, or has ended, because of a time; or the loop looks again.
    var isTimed: Bool { deadline != nil || looksAgainUntil != nil }

    /// The wait is over, and what it brought is taken.
    @inline(never)
    mutating func noteWake(at now: Instant, hasCompletions: Bool) {
        let late = deadline.map { $0.duration(to: now) } ?? .zero
        if let end = looksAgainUntil {
            if !hasCompletions || end <= now { looksAgainUntil = nil }
        } else if late > Self.tolerance {
            looksAgainUntil = now + late
        }
    }

    /// Whether a deadline has come, and the loop does not look again.
    func hasPassed(_ deadline: Instant, at now: Instant) -> Bool {
        looksAgainUntil ?? now <= now && deadline <= now
    }
}
