/// Which listener a connection came by: its place in the table, and which of those that have had it.
struct ListenerID: Hashable {
    let index: UInt32
    private(set) var life: UInt32 = 0

    /// The first listener to have a place.
    init(place: Int) {
        index = UInt32(truncatingIfNeeded: place)
    }

    /// The one that has its place next.
    var next: ListenerID {
        var next = self
        next.life &+= 1
        return next
    }
}
