/// Which listener a connection came by, if it did: its place in the table, and which of those that have had it.
///
/// A listener and the slots of its connections have it; loop's thread only.
struct ListenerID: Hashable {
    let index: UInt32
    private(set) var generation: UInt32 = 0

    /// None of this server's.
    static let none = ListenerID(index: Int(UInt32.max))

    /// The first listener to have a place.
    init(index: Int) {
        self.index = UInt32(truncatingIfNeeded: index)
    }

    /// The one that has its place next.
    var next: ListenerID {
        var next = self
        next.generation &+= 1
        return next
    }
}
