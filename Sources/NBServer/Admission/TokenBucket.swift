internal import NBEngine
internal import Synchronization

/// How many new connections a second are let in against one limit: a bucket that holds a burst of tokens, and gets another one in every
/// interval.
///
/// Kept as one time, that at which the bucket is full: a token that is taken moves it on by an interval, and a bucket is empty when it lies a
/// whole burst ahead. So a token is taken, or promised for a time to come, by one atomic operation, and nothing has to fill the bucket.
/// In no span of time are more connections let in than a burst, and one for each interval in it; but a loop that wakes up late for a token
/// that it was promised may be followed the sooner by another loop with its own. Shared by the loops of an
/// ``Admission``; any thread. Times are the engine's, which do not go back; those of threads may differ.
///
/// ```
///  now ──── tokens that are missing, an interval each ──── full ──── tokens that are there ──── now + burst
/// ```
final class TokenBucket: Sendable {
    /// An interval in nanoseconds and a burst, in one word, so that both are read at once.
    private let rate: Atomic<UInt64>
    /// Loops read the rate for each connection, and write the time once a batch: so the two are not on one cache line.
    private let gap = InlineArray<8, UInt64>(repeating: 0)
    private let full = Atomic<Int64>(0)

    /// What a word says.
    private struct Pace {
        let interval: Int64
        let burst: Int64
        var span: Int64 { interval * burst }
    }

    private static let any = UInt64.max
    private static let never: UInt64 = 0
    private static let burstBits: UInt64 = 20

    init(_ rate: AdmissionLimits.Rate?) {
        self.rate = Atomic(Self.word(of: rate))
    }

    private static func word(of rate: AdmissionLimits.Rate?) -> UInt64 {
        guard let rate else { return any }
        guard rate.perSecond > 0 else { return never }
        return UInt64(rate.interval) << burstBits | UInt64(rate.burst)
    }

    /// Sets another rate. It begins with its whole burst.
    func setRate(_ rate: AdmissionLimits.Rate?) {
        let word = Self.word(of: rate)
        guard self.rate.exchange(word, ordering: .sequentiallyConsistent) != word else { return }
        full.store(0, ordering: .sequentiallyConsistent)
    }

    /// Whether there is a rate.
    var isLimited: Bool { rate.load(ordering: .relaxed) != Self.any }

    /// `nil` if nothing is let in.
    private var pace: Pace? {
        let word = rate.load(ordering: .sequentiallyConsistent)
        guard word != Self.never else { return nil }
        return Pace(interval: Int64(word >> Self.burstBits), burst: Int64(word & (1 << Self.burstBits - 1)))
    }

    /// How many tokens are there.
    func available(at now: Instant) -> Int {
        guard isLimited else { return .max }
        guard let pace else { return 0 }
        return Int(max(0, room(after: full.load(ordering: .relaxed), pace, now)))
    }

    private func room(after full: Int64, _ pace: Pace, _ now: Instant) -> Int64 {
        let now = Int64(clamping: now.nanoseconds)
        return (now + pace.span - max(full, now)) / pace.interval
    }

    /// Takes as many tokens as there are, `count` at the most; with when the bucket was full before, or now if it was.
    func take(_ count: Int, at now: Instant) -> (count: Int, since: Int64) {
        guard let pace else { return (0, 0) }
        var before = full.load(ordering: .sequentiallyConsistent)
        while true {
            let taken = min(Int64(count), room(after: before, pace, now))
            let since = max(before, Int64(clamping: now.nanoseconds))
            guard taken > 0 else { return (0, since) }
            let after = since + taken * pace.interval
            let result = full.weakCompareExchange(
                expected: before,
                desired: after,
                ordering: .sequentiallyConsistent
            )
            if result.exchanged { return (Int(taken), since) }
            before = result.original
        }
    }

    /// Gives tokens back that were not used. Those that a bucket would have had no room for meanwhile are lost.
    func give(_ count: Int, since: Int64, at now: Instant) {
        guard let pace else { return }
        let lost = max(0, Int64(clamping: now.nanoseconds) - since)
        full.subtract(max(0, Int64(count) * pace.interval - lost), ordering: .sequentiallyConsistent)
    }

    /// Takes the next token there will be, which no other loop gets then; returns when it is there, or `nil` if there will be none.
    func promise(at now: Instant) -> Instant? {
        guard let pace else { return nil }
        var before = full.load(ordering: .sequentiallyConsistent)
        while true {
            let after = max(before, Int64(clamping: now.nanoseconds)) + pace.interval
            let result = full.weakCompareExchange(
                expected: before,
                desired: after,
                ordering: .sequentiallyConsistent
            )
            if result.exchanged { return Instant(nanoseconds: UInt64(max(0, after - pace.span))) }
            before = result.original
        }
    }

    /// Uses a token that was promised for a time which has come. If it has passed long ago the bucket may have been full without that token,
    /// which counts as one of the present then.
    ///
    /// - Returns: when the bucket was full before.
    func redeem(_ promised: Instant, at now: Instant) -> Int64 {
        guard let pace else { return 0 }
        let now = Int64(clamping: now.nanoseconds)
        let fullBefore = Int64(clamping: promised.nanoseconds) + pace.span - pace.interval
        let lost = min(max(0, now - fullBefore), pace.interval)
        var before = full.load(ordering: .sequentiallyConsistent)
        while lost > 0 {
            let after = max(before - pace.interval + lost, now) + pace.interval
            let result = full.weakCompareExchange(
                expected: before,
                desired: after,
                ordering: .sequentiallyConsistent
            )
            if result.exchanged { break }
            before = result.original
        }
        return fullBefore
    }
}
