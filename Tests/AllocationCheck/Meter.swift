internal import NBServer

/// Reads the counters on the server's thread, from inside `newConnection`: once when it has warmed up, and once more
/// when exactly ``measured`` further connections have been delivered.
///
/// What the server does for a connection after its callback is in the span as well: it covers as many whole lives as it
/// has deliveries.
struct Meter {
    static let warmUp = 2_000
    static let measured = 10_000

    /// Every so many connections, beginning with the first, the callback waits at the valve.
    let holdInterval: Int
    let valve: Valve
    let report: Report
    /// How many connections, from the first, are gathered to be greeted at once; see ``GreetingBehavior``.
    let crowdSize: Int
    var crowd: [ConnectionID] = []

    private(set) var delivered = 0
    private var start = Counts.none
    private var end: Counts?

    init(holdInterval: Int, crowdSize: Int, valve: Valve, report: Report) {
        self.holdInterval = holdInterval
        self.crowdSize = crowdSize
        self.valve = valve
        self.report = report
    }

    var isGathering: Bool { delivered <= crowdSize }

    /// A connection has been delivered.
    mutating func noteDelivery() {
        delivered += 1
        if delivered == Self.warmUp { start = .now }
        if delivered == Self.warmUp + Self.measured { end = .now }
        if (delivered - 1) % holdInterval == 0 { valve.wait() }
    }

    func finish() {
        guard let end, delivered == Self.warmUp + Self.measured else { return }
        report.result = end - start
    }
}
