@preconcurrency import Glibc
import NBEngine

@testable import NBServer

/// What simulated kernels share whose loops are played together: the time, and the record of what has happened. Used by one thread at a
/// time.
final class SimulatedChronicle {
    /// What becomes of the record.
    enum Tracing {
        case off, kept
        /// On standard error, at once: an assertion of the library may end the process.
        case printed
    }

    var now: Instant
    /// What happened, for people to read.
    private(set) var trace: [String] = []
    private let tracing: Tracing

    init(now: Instant, tracing: Tracing) {
        (self.now, self.tracing) = (now, tracing)
    }

    func note(_ text: @autoclosure () -> String) {
        guard tracing != .off else { return }
        let line = "\(now.nanoseconds / 1000) µs  \(text())"
        if tracing == .printed { fputs("\(line)\n", stderr) } else { trace.append(line) }
    }
}
