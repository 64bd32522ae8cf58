internal import Fuzzing
import NBEngine

@testable internal import NBServer

/// Times as somebody might configure them: any instant, any duration.
///
/// Deadlines are exact, or as late as can be; what socket options are given is rounded up to their unit, or refused if it is
/// out of their range.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzTime(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = Input(bytes, count)
    let instant = Instant(nanoseconds: input.integer(UInt64.self))
    let seconds = input.integer(Int64.self)
    let attoseconds = input.integer(Int64.self) % 1_000_000_000_000_000_000
    guard seconds == 0 || attoseconds == 0 || (seconds < 0) == (attoseconds < 0) else { return 0 }
    let duration = Duration(secondsComponent: seconds, attosecondsComponent: attoseconds)
    checkDeadline(instant, duration, Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000))
    checkOptions(duration, Int128(seconds) * 1_000_000_000_000_000_000 + Int128(attoseconds))
    return 0
}

private func checkDeadline(_ instant: Instant, _ duration: Duration, _ nanoseconds: Int128) {
    let deadline = deadline(of: duration, from: instant)
    let exact = Int128(instant.nanoseconds) + max(0, nanoseconds)
    precondition(Int128(deadline.nanoseconds) == min(exact, Int128(UInt64.max)), "\(deadline)")
    let passed = Int128(deadline.nanoseconds) - Int128(instant.nanoseconds)
    precondition(instant.duration(to: deadline) == .nanoseconds(Int64(clamping: passed)))
    precondition(deadline.duration(to: instant) == .zero)
}

/// As the close limit of a connection; an operator that is neither public nor internal is not found from here.
private func deadline(of limit: Duration, from now: Instant) -> Instant {
    var counters = ServerCounters()
    return withUnsafeMutablePointer(to: &counters) { counters in
        var table = ConnectionTable(
            options: ServerOptions(closeTimeLimit: limit),
            counters: counters,
            clock: { now }
        )
        let slot = table.admit(7, .none)
        table.startDeadline(slot)
        guard let deadline = table.nextDeadline else { preconditionFailure("no deadline") }
        _ = slot.pointee.state.on(.dropped)
        _ = slot.pointee.state.on(.finished(.clean))
        table.free(slot)
        return deadline
    }
}

private func checkOptions(_ duration: Duration, _ attoseconds: Int128) {
    let second: Int128 = 1_000_000_000_000_000_000
    let probeTime = whole(attoseconds, unit: second, 1...32_767)
    check(.keepAlive(idle: duration, interval: duration, probes: 1), [1, probeTime, probeTime, 1])
    let seconds = whole(attoseconds, unit: second, 0...Int128(Int32.max))
    check(.deferAccept(duration), [seconds])
    check(.linger(duration), [seconds])
    check(.userTimeout(duration), [whole(attoseconds, unit: second / 1000, 0...Int128(Int32.max))])
}

/// What the kernel gets, rounded up to the unit; `nil` if the time is out of its range.
private func whole(_ attoseconds: Int128, unit: Int128, _ range: ClosedRange<Int128>) -> Int32? {
    guard attoseconds >= 0 else { return nil }
    let units = (attoseconds + unit - 1) / unit
    return range.contains(units) ? Int32(units) : nil
}

private func check(_ option: SocketOption, _ expected: [Int32?]) {
    precondition(values(of: option.kinds) == expected, "\(option) does not come to \(expected)")
    do {
        try option.expectValid()
        precondition(!expected.contains(nil), "\(option) is not refused")
    } catch {
        precondition(error.code == .invalidOption && expected.contains(nil), "\(option) is refused: \(error)")
    }
}

private func values(of kinds: [SocketOption.Kind]) -> [Int32?] {
    kinds.map { kind in
        switch kind {
        case .linger(let seconds): seconds
        case .integer(_, _, let value, _): value
        case .invalid: nil
        case .backlog, .ipv6Only, .freeBind, .name, .bytes: preconditionFailure("\(kind) is no time")
        }
    }
}
