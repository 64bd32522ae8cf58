internal import NBEngine

/// A drain: the server serves the clients in its accept queues or resets them, then waits for its connections to end, then stops.
///
/// ```
///  requested ──▶ serve queued clients, or reset them ──▶ close listeners ──▶ wait for connections ──▶ stop
///    └── the time is up, at any point ──▶ stop
/// ```
///
/// Part of the loop's state; loop's thread only.
struct Drain {
    /// What happens to clients in the accept queues.
    let queued: QueuedClients
    /// When the drain ends, whatever connections are left.
    var deadline: Instant
    /// The listeners and the behavior have been told.
    var hasBegun = false
}
