/// How a listener leaves its server together with those of a group's other shards: first each serves its queue, then all close.
///
/// The kernel resets what is queued on a listener that closes. So no listener closes while others may still be given clients that it would
/// have served. Part of a ``Listener``; loop's thread only.
///
/// ```
///  asked ──▶ serving its queue ── the queue is served, or the listener does not accept ──▶ served ── all are ──▶ closed
/// ```
struct Departure {
    /// The listener serves what is queued.
    var hasBegun = false
    /// The callers that wait until the queue is served.
    var waiters: [Caller<Result<Void, ServerError>>] = []
    /// The other shards' listeners have served their queues, or are not waited for.
    var closesWhenServed = false
}
