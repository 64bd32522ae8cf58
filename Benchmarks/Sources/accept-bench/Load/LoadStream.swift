/// One kind of clients: where they connect to, what they say and expect, and how many there are at a time.
struct LoadStream: Sendable {
    /// Each connection goes to the next.
    var targets: [TargetAddress]
    /// What the client says first; empty for one that listens.
    var request: [UInt8] = []
    var answer = Answer.anything
    var ending = Ending.reset
    var pace: Pace
    /// No more connections than these.
    var count: Int?
    /// How often a client says it and gets an equal part of the answer; more than once only where the answer, or its length, is known.
    var exchanges = 1
    /// It goes on for as long as the others do.
    var isBackground = false
    /// Its connections wait, established and unread, until ``LoadPlan/whenConnected`` has returned.
    var waitsUntilAllAreConnected = false

    enum Pace: Sendable {
        /// So many at a time: the next begins when one has ended. Slow servers get less work.
        case closed(inFlight: Int)
        /// So many a second, whatever becomes of those before, but no more than `atMost` at a time; those that have to wait for
        /// that are late, and their latency counts from when they were due.
        case open(perSecond: Double, atMost: Int)
    }

    /// What the server has to say before it ends the connection.
    enum Answer: Sendable {
        case nothing
        case anything
        case exactly([UInt8])
        /// So many bytes to each request, and others to the last.
        case pieces(each: Int, last: Int)
    }

    /// Who ends a connection, and how.
    enum Ending: Sendable {
        /// The server does; then the client resets what is left, so that no TIME_WAIT remains.
        case reset
        /// The server does; then the client closes in good order, as a browser does.
        case orderly
        /// Nobody does: it stays open, idle, until the run is over.
        case hold
    }

    var capacity: Int {
        switch pace {
        case .closed(let inFlight): min(inFlight, count ?? inFlight)
        case .open(_, let atMost): min(atMost, count ?? atMost)
        }
    }
}
