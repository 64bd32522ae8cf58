/// The ID of a listener, which no other listener of the process ever has, even on the same address. See ``ListenerStatus/id`` and
/// ``ConnectionOrigin``.
public struct ListenerID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Whose listener it is; see ``LoopControl/server``.
    let server: UInt32
    let key: ListenerKey

    /// The ID in a log: `listener 0`; `listener 0.1` for the second listener at that index.
    public var description: String {
        key.generation == 0 ? "listener \(key.index)" : "listener \(key.index).\(key.generation)"
    }
}
