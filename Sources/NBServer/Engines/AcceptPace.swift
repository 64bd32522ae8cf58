/// Whether the connections that are accepted stay, as the last few hundred have shown.
///
/// Connections that end soon are accepted many at a time, because ends are cheaper together. Of connections that stay, each is served before
/// the next is accepted, while its socket is in the cache: that saves a thirtieth of what one costs.
///
/// ```
///  accepted: │ 64 or more │ 64 or more │ 64 or more │ 64 or more │ … one by one
///     ended: │  few       │  few       │  few       │  few       │ … until half as many have ended as were accepted
/// ```
///
/// Ends lag behind accepts, by a turn or by a request. So several samples in a row must show few ends, and one that shows many is enough for
/// the contrary. A value of an ``EpollEngine``; its thread only.
struct Turnover {
    private static let sampleSize = 64
    private static let samplesNeeded = 4

    /// What the present sample has of each.
    private var acceptedCount = 0
    private var endedCount = 0
    /// How many samples in a row have shown few ends.
    private var samplesInARow = 0

    var mostStay: Bool { samplesInARow >= Self.samplesNeeded }

    @inline(__always)
    mutating func noteAccepted() { acceptedCount &+= 1 }

    /// Connections were closed, or have left the engine.
    @inline(__always)
    mutating func noteEnded(_ count: Int = 1) { endedCount &+= count }

    /// The next run of accepts begins. Not sampled within a run: none of its connections was served yet.
    @inline(__always)
    mutating func noteRun() {
        if acceptedCount >= Self.sampleSize { conclude() }
    }

    @inline(never)
    private mutating func conclude() {
        samplesInARow = endedCount < acceptedCount / 2 ? min(samplesInARow + 1, Self.samplesNeeded) : 0
        (acceptedCount, endedCount) = (0, 0)
    }
}
