import NBServer

/// A behavior that is measured. It notes every delivery first thing in `newConnection`.
///
/// The behaviors are plain structs, as a server's author writes them: a generic one around them would be measured too.
protocol MeteredBehavior: NonBlockingServer {
    var meter: Meter { get set }
}

extension MeteredBehavior {
    /// Proves the counting on the very thread that is about to be counted, or declines to start.
    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try SelfTest.run()
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        meter.finish()
    }
}
