/// How many connections are accepted in a row before they are served, on an engine whose accepts are calls of their own, where they are not
/// accepted one by one (``AcceptPace``).
///
/// The accept that finds the queue empty costs almost as much as one that finds a connection. So a run is as long as the last one. Clients
/// that come one by one are accepted one by one, each served before the next is looked for. That saves the accept that finds nothing and,
/// under load, most questions to epoll. A crowd is one batch.
///
/// ```
///  longest ──▶ emptied the queue after n: n ◀──▶ was filled: twice as long, up to the longest
///                        │
///                        └ found nothing: half as long, at least one
/// ```
///
/// A value of a listener's ``DescriptorRecord``; the engine's thread only.
struct AcceptRun {
    private static let longest: UInt16 = 1 << 15

    /// A new listener may have a crowd waiting. The quantum bounds a run, too.
    private(set) var length = longest

    /// Each accept of the run found a connection. There may be more.
    mutating func wasFilled() { length = length > Self.longest / 2 ? Self.longest : length * 2 }

    /// The queue was empty after `count` connections.
    mutating func emptiedQueue(after count: UInt16) { length = count > 0 ? count : max(1, length / 2) }
}
