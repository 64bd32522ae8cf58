internal import NBEngine

/// A kernel that is short of memory refuses single operations, and says so at once: they are all tried again after a pause, which
/// doubles while the shortage lasts. The pauses are short, since a loop whose wake-up was refused is woken by nothing else.
///
/// ```
///  refused ──▶ pause ──▶ all are tried again ── refused within a second ──▶ twice the pause
///                                            └── refused later ──▶ the shortest pause
/// ```
///
/// Part of the loop; loop's thread only.
struct Shortage {
    private static let shortestPause = Duration.milliseconds(1)
    /// A shortage that comes back within this time is the same one.
    private static let memory = Duration.seconds(1)
    static let longestPause = Duration.milliseconds(128)

    /// When to try again; `nil` when nothing waits for that.
    private(set) var end: Instant?
    private var pause = Duration.zero
    private var lastEnd: Instant?

    /// Something was refused.
    mutating func note(at now: Instant) {
        guard end == nil else { return }
        let isSame = lastEnd.map { now <= $0 + Self.memory } ?? false
        pause = isSame ? min(pause * 2, Self.longestPause) : Self.shortestPause
        end = now + pause
    }

    /// Whether the pause is over, once.
    mutating func takeEnd(at now: Instant) -> Bool {
        guard let end, end <= now else { return false }
        self.end = nil
        lastEnd = now
        return true
    }
}
