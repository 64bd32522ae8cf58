/// How many connections are accepted in a row before they are served, on an engine whose accepts are calls of their own.
///
/// The last accept of a run that empties the queue finds nothing, and costs almost as much as one that finds a connection. Under load the
/// next client comes while the one before is served. So a run is taken to be as long as the last one: where clients come one by one, one is
/// accepted, served, and only then is the next one looked for, which saves the accept in vain, and often the question to epoll. Where they
/// come in crowds, a crowd is one batch.
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

    /// As many were found as were looked for: there may be more.
    mutating func wasFilled() { length = min(Self.longest, length * 2) }

    /// So many were found, fewer than were looked for.
    mutating func emptiedQueue(after count: UInt16) { length = count > 0 ? count : max(1, length / 2) }
}
