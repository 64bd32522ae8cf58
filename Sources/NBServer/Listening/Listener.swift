/// A listener of a running server: its socket, its state, and how much it has been served.
///
/// Owned by the ``ListenerTable``; loop's thread only.
struct Listener {
    let socket: ListenSocket
    var state = ListenerState()
    /// Which arm is the present one; completions of any other are stale.
    var generation: UInt32 = 0
    /// Connections it got, on a scale on which all listeners can be compared; see ``ListenerTable``.
    var served: UInt64 = 0

    init(_ socket: ListenSocket) {
        self.socket = socket
    }
}
