/// Whether connections are accepted in runs or one by one: each served before the next is accepted.
///
/// A socket that was accepted last is in the cache. To serve the connection then saves a thirtieth of what one costs that stays. So
/// connections are accepted one by one where the loop itself serves them and few of them end. Elsewhere runs are better: ends are cheaper
/// together, and connections that are handed on are handed on together.
///
/// ```
///  runs ── four samples in a row: most connections are served at once, and few end ──▶ one by one
///    ▲                                                                                    │
///    └───────────────────── a sample: few are served at once, or many end ────────────────┘
/// ```
///
/// Ends lag behind accepts, by a turn or by a request. So it takes several samples to change to one by one, and one to change back. A value
/// of an ``EpollEngine``; its thread only.
struct AcceptPace {
    private static let sampleSize = 64
    private static let samplesNeeded = 4

    /// Connections are only accepted in runs, because something else is done once for each.
    private let acceptsInRunsOnly: Bool
    // What the present sample has of each.
    private var acceptedCount = 0
    private var servedCount = 0
    private var endedCount = 0
    /// How many samples in a row are for one by one.
    private var samplesInARow = 0

    init(acceptsInRunsOnly: Bool) { self.acceptsInRunsOnly = acceptsInRunsOnly }

    var isOneByOne: Bool { samplesInARow >= Self.samplesNeeded }

    @inline(__always)
    mutating func noteAccepted() { acceptedCount &+= 1 }

    /// A connection has begun to receive in the turn in which it came.
    @inline(__always)
    mutating func noteServed() { servedCount &+= 1 }

    /// Connections were closed, or have left the loop.
    @inline(__always)
    mutating func noteEnded(_ count: Int = 1) { endedCount &+= count }

    /// The next run begins. Samples begin and end here, because no connection of a run is served within it.
    @inline(__always)
    mutating func noteRun() {
        if acceptedCount >= Self.sampleSize { conclude() }
    }

    @inline(never)
    private mutating func conclude() {
        let half = acceptedCount / 2
        let isForOneByOne = !acceptsInRunsOnly && servedCount >= half && endedCount < half
        samplesInARow = isForOneByOne ? min(samplesInARow + 1, Self.samplesNeeded) : 0
        (acceptedCount, servedCount, endedCount) = (0, 0, 0)
    }
}
