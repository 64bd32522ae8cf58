internal import NBEngine
internal import Synchronization

/// The wish of other threads, and of signal handlers, that a loop stop, and how soon its connections have to end.
///
/// Part of the ``LoopControl``; any thread, but for what the loop takes.
///
/// ```
///  none ── the first wish ──▶ its reason, for good            patience:  none ── the shortest of some limits ──▶ taken by the loop
/// ```
struct StopRequest: ~Copyable, Sendable {
    /// 0 while the loop is to serve; then a signal's number, or one of those below.
    private let request = Atomic<Int32>(0)
    private static let stop: Int32 = -1
    private static let mailboxFull: Int32 = -2

    /// How many nanoseconds connections have left to end when the loop stops, until the loop has taken the number; `.max` if there
    /// is none. Signed: of unsigned numbers `Atomic.min` keeps the wrong one (Swift 6.3).
    private let patience = Atomic<Int64>(.max)
    /// A signal has come that stops the loop.
    private let hasSignal = Atomic<Bool>(false)

    /// Records a wish to stop; returns whether it is the first.
    func record() -> Bool { record(Self.stop) }

    /// Records that too many messages wait; returns whether it is the first wish.
    func recordFullMailbox() -> Bool { record(Self.mailboxFull) }

    /// Records a signal. A second one ends the wait for connections. Safe in a signal handler.
    func record(_ signal: Signal) {
        if hasSignal.exchange(true, ordering: .sequentiallyConsistent) {
            patience.store(0, ordering: .sequentiallyConsistent)
        } else {
            _ = record(signal.rawValue)
        }
    }

    private func record(_ value: Int32) -> Bool {
        request.compareExchange(expected: 0, desired: value, ordering: .releasing).exchanged
    }

    /// Connections have so long to end, unless it was less before.
    func limitPatience(to limit: Duration) {
        patience.min(Int64(clamping: limit.wholeNanoseconds), ordering: .sequentiallyConsistent)
    }

    /// How long connections have left to end, if that was said since this was last asked. Loop's thread.
    func takePatience() -> Duration? {
        let nanoseconds = patience.exchange(.max, ordering: .sequentiallyConsistent)
        return nanoseconds == .max ? nil : .nanoseconds(nanoseconds)
    }

    /// Whether that was said since it was last asked. Loop's thread.
    var hasPatience: Bool { patience.load(ordering: .sequentiallyConsistent) != .max }

    /// Why the loop is to stop, if it is.
    @inline(__always)
    var reason: StopReason? {
        let value = request.load(ordering: .acquiring)
        return value == 0 ? nil : Self.reason(value)
    }

    @inline(never)
    private static func reason(_ value: Int32) -> StopReason {
        switch value {
        case Self.stop: .requested
        case Self.mailboxFull: .failed(ServerError.mailboxFull)
        default: .signal(Signal(rawValue: value))
        }
    }
}
