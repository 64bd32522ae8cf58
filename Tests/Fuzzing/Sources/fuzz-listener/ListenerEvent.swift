internal import Fuzzing

/// One thing that happens to a listener, if the moment allows it.
enum ListenerEvent {
    /// The loop arms what waits for it.
    case arm
    /// The kernel gives a connection.
    case accepted(isLast: Bool)
    /// The kernel ends the arm with an error.
    case failed(errno: Int32)
    /// The same over and over: armed, failed, waited for.
    case failing(errno: Int32, times: Int)
    /// A descriptor of the server's was closed.
    case descriptorFreed
    /// The loop looks at the clock.
    case timePassed(Time)
    /// A connection that it has accepted waits at a limit.
    case interrupt
    /// Somebody wants it to rest, or to accept again.
    case pause, resume
    /// The server stops, removes it, or drains, which delivers whoever is accepted until the end.
    case close(delivering: Bool)

    enum Time {
        case still
        case justBeforeThePauseEnds
        case whenThePauseEnds
        case later(nanoseconds: UInt64)
    }

    init(_ input: inout Input) {
        switch input.byte() % 13 {
        case 0: self = .arm
        case 1: self = .accepted(isLast: false)
        case 2: self = .accepted(isLast: true)
        case 3: self = .failed(errno: Self.errno(&input))
        case 4: self = .failing(errno: Self.errno(&input), times: Int(input.byte() % 80))
        case 5: self = .descriptorFreed
        case 6: self = .timePassed(.whenThePauseEnds)
        case 7: self = .timePassed(Time(&input))
        case 8: self = .close(delivering: false)
        case 9: self = .pause
        case 10: self = .resume
        case 11: self = .close(delivering: true)
        default: self = .interrupt
        }
    }

    /// Any error number, the known ones in a byte.
    private static func errno(_ input: inout Input) -> Int32 {
        let byte = input.byte()
        return max(1, byte == .max ? input.integer(Int32.self) & .max : Int32(byte))
    }
}

extension ListenerEvent.Time {
    /// Up to half an hour at a time.
    init(_ input: inout Input) {
        let byte = input.byte()
        switch byte >> 6 {
        case 0: self = .still
        case 1: self = .justBeforeThePauseEnds
        default: self = .later(nanoseconds: 1 << UInt64(byte % 41))
        }
    }
}
