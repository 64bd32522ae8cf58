internal import NBLibc

/// A signal that drains or stops a server, or that its behavior hears of.
public struct Signal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The signal's number, as in `signal(7)`.
    public let rawValue: Int32

    /// The signal with this number.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Ctrl-C (`SIGINT`).
    public static let interrupt = Signal(rawValue: SIGINT)
    /// The usual request to end (`SIGTERM`).
    public static let terminate = Signal(rawValue: SIGTERM)
    /// The terminal is gone (`SIGHUP`).
    public static let hangUp = Signal(rawValue: SIGHUP)
    /// Ctrl-\ (`SIGQUIT`).
    public static let quit = Signal(rawValue: SIGQUIT)

    /// The signal in a set of signals; `signal(7)` has fewer than 64 that a process can use.
    ///
    /// In single steps, because a signal handler asks: a conversion of numbers is generic, and in a debug build takes the runtime's locks.
    var bit: UInt64 {
        guard rawValue >= 0 else { return 0 }
        var (bit, steps) = (1 as UInt64, rawValue)
        while steps > 0, bit != 0 {
            bit = bit &<< 1
            steps -= 1
        }
        return bit
    }

    /// The signal's usual name, or its number.
    public var description: String {
        switch self {
        case .interrupt: "SIGINT"
        case .terminate: "SIGTERM"
        case .hangUp: "SIGHUP"
        case .quit: "SIGQUIT"
        default: "\(rawValue)"
        }
    }
}
