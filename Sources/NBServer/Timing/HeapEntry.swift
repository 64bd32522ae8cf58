/// What a ``PlacedHeap`` orders, and what is told where it is there.
protocol HeapEntry {
    /// Where the places are written down; nothing, if each entry knows its own.
    associatedtype Places

    func precedes(_ other: Self) -> Bool

    /// It is at this place from now on.
    func note(_ place: Int, in places: inout Places)
}
