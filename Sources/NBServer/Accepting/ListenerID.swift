/// The name of a listener, for as long as the process runs: an address may be bound again by another listener, which has another name. A value;
/// see ``ListenerStatus/id`` and ``ConnectionOrigin``.
public struct ListenerID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Whose listener it is; see ``LoopControl/server``.
    let server: UInt32
    let key: ListenerKey

    /// The name in a log: `listener 0`; `listener 0.1` of the second one in its place.
    public var description: String {
        key.generation == 0 ? "listener \(key.index)" : "listener \(key.index).\(key.generation)"
    }
}
