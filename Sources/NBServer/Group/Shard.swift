/// One of a group's servers, for the closures that make its behavior and its observer.
public struct Shard: Hashable, Sendable {
    /// The shard's number, from 0 to ``count`` - 1, and its index in ``ServerGroup/shards``.
    public let index: Int
    /// How many shards the group has.
    public let count: Int
    /// The processor that the shard's thread stays on, as the kernel numbers them; `nil` for any.
    public let processor: Int?
}
