/// Which listener a connection came by, if it did: its place in the table, and which of those that have had it.
struct ListenerID: Hashable {
    let index: UInt32
    let life: UInt32

    /// None of this server's.
    static let none = ListenerID(index: .max, life: 0)
}
