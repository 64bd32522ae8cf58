internal import NBEngine
internal import NBLibc

/// A descriptor that becomes readable at an instant: the alarm of an ``EpollEngine`` whose host waits elsewhere.
/// `timerfd_create(2)`, `CLOCK_MONOTONIC`.
///
/// Owned by the engine; its thread only.
///
/// ```
///  off ── set ──▶ set ── its instant has come ──▶ readable ── set, or turn off ──▶ set, off
/// ```
struct AlarmDescriptor: ~Copyable {
    let descriptor: Int32
    /// When it goes off, or went; `nil` when it is off.
    private(set) var instant: Instant?

    init() throws(EngineError) {
        descriptor = timerfd_create(CLOCK_MONOTONIC, O_NONBLOCK | closeOnExec)
        guard descriptor >= 0 else { throw .noDescriptor("timerfd_create", errno) }
    }

    deinit {
        NBLibc.close(descriptor)
    }

    /// It goes off at `deadline` at the latest and not in the past. One that is too early costs a turn and is left as it is.
    mutating func set(_ deadline: Instant?, now: Instant) throws(EngineError) {
        let isPast = instant.map { $0 <= now } ?? false
        if let instant, !isPast, deadline.map({ instant <= $0 }) ?? true { return }
        guard isPast || deadline != nil else { return }
        var times = itimerspec()
        // All zero turns it off.
        if let deadline { times.it_value = timespec(nanoseconds: max(1, deadline.nanoseconds)) }
        let isAbsolute: Int32 = 1
        guard timerfd_settime(descriptor, isAbsolute, &times, nil) == 0 else {
            throw .epollLost("timerfd_settime", errno)
        }
        instant = deadline
    }
}
