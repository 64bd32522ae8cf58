/// One of a group's servers, as its behavior is told when it is made. A value.
public struct Shard: Hashable, Sendable {
    /// Which one: from 0 to ``count`` - 1, and its place in ``ServerGroup/shards``.
    public let index: Int
    /// How many there are.
    public let count: Int
    /// The processor that the shard's thread keeps to, as the kernel numbers them; `nil` if it may run on any.
    public let processor: Int?
}
