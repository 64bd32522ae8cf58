/// Which listener a connection came by, if it did: the listener's index in the table, and how many had that index before.
///
/// A listener and the slots of its connections have it; loop's thread only.
struct ListenerKey: Hashable, Sendable, Codable {
    let index: UInt32
    private(set) var generation: UInt32 = 0

    /// None of this server's.
    static let none = ListenerKey(index: Int(UInt32.max))

    /// The first listener with that index.
    init(index: Int) {
        self.index = UInt32(truncatingIfNeeded: index)
    }

    /// The key of the next listener with that index.
    var next: ListenerKey {
        var next = self
        next.generation &+= 1
        return next
    }
}
