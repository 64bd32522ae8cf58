/// Which listener a connection came by: its place in the table, and which of those that have had it.
struct ListenerID: Hashable {
    let index: UInt32
    let life: UInt32
}
