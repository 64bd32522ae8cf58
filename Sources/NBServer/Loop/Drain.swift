internal import NBEngine

/// A server that drains: it serves those who wait in its accept queues or leaves them, then waits for its connections to
/// end, then stops.
///
/// ```
///  wished ──▶ serve who waits, or do not ──▶ close listeners ──▶ wait for connections ──▶ stop
///    └── the time is up, at any point ──▶ stop
/// ```
///
/// Part of the loop's state; loop's thread only.
struct Drain {
    /// What becomes of clients that wait to be accepted.
    let queued: QueuedClients
    /// When it is over, whoever is left.
    var deadline: Instant
    /// The listeners know of it, and so does the behavior.
    var hasBegun = false
}
