internal import Fuzzing

@testable internal import NBServer

/// Times as somebody might configure them: any instant, any duration.
///
/// Deadlines are exact, or as late as can be; what socket options are given is rounded up to their unit and kept within
/// their range.
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
        var table = ConnectionTable(closeTimeLimit: limit, closesWait: false, counters: counters)
        table.now = now
        let slot = table.admit(7, .none)
        table.startDeadline(slot)
        guard let deadline = table.nextDeadline else { preconditionFailure("no deadline") }
        table.free(slot)
        return deadline
    }
}

private func checkOptions(_ duration: Duration, _ attoseconds: Int128) {
    let wholeSeconds = Int32(clamping: divide(attoseconds, by: 1_000_000_000_000_000_000))
    let options = SocketOption.keepAlive(idle: duration, interval: duration, probes: 1).kinds
    precondition(values(of: options) == [1, wholeSeconds, wholeSeconds, 1], "\(options)")
    precondition(values(of: SocketOption.deferAccept(duration).kinds) == [wholeSeconds])
    precondition(values(of: SocketOption.linger(duration).kinds) == [max(0, wholeSeconds)])
    let milliseconds = Int32(clamping: attoseconds / 1_000_000_000_000_000)
    precondition(values(of: SocketOption.userTimeout(duration).kinds) == [milliseconds])
}

/// Rounded up.
private func divide(_ number: Int128, by divisor: Int128) -> Int128 {
    number / divisor + (number % divisor > 0 ? 1 : 0)
}

private func values(of kinds: [SocketOption.Kind]) -> [Int32?] {
    kinds.map { kind in
        switch kind {
        case .linger(let seconds): seconds
        case .integer(_, _, let value, _): value
        case .backlog, .ipv6Only: nil
        }
    }
}
