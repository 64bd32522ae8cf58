/// What the kernel knows of a connection at this moment, ahead of its completions.
///
/// A completion that has not been taken yet, or deferred work of the kernel that has not run, may hold what a connection's peer
/// did long ago. A time limit that has passed is therefore checked against this before it ends anything.
/// A value; made by the ``SocketCalls`` on the loop's thread.
package struct PeerState: Hashable, Sendable {
    /// How many bytes the peer has acknowledged, as a count that wraps.
    package var takenByteCount: UInt32 = 0
    /// How long ago the peer acknowledged anything, at the most.
    package var sinceLastAcknowledgment = Duration.zero
    /// The kernel has bytes that the peer has not acknowledged.
    package var hasUntakenBytes = true
    /// How many bytes have arrived and were not received.
    package var unreceivedByteCount = 0
    /// The peer has ended its side, or reset the connection.
    package var hasEnded = false

    package init() {}

    /// How much a receive has yet to tell: bytes, and the end of them.
    var untoldCount: Int { unreceivedByteCount + (hasEnded ? 1 : 0) }
}
