/// Sends to a connection's peer. Any task. Bytes arrive in the order in which they were sent.
public struct OutboundBytes: Sendable {
    let stream: ByteStream

    /// Sends bytes, and waits while more than ``WorkerOptions/sendHighWater`` bytes wait for the peer.
    ///
    /// - Throws: ``ByteStreamError``, or `CancellationError` if the task is cancelled. The bytes may have been sent then.
    public nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws {
        try await stream.send(bytes)
    }

    /// Sends a text, as UTF-8.
    ///
    /// - Throws: the errors of ``send(_:)-([UInt8])``.
    public nonisolated(nonsending) func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Ends the output when everything is sent. The peer reads the end of the stream, and may go on sending. Later sends throw.
    public func finish() {
        stream.finish()
    }

    /// Ends the connection at once. The peer gets a reset and may lose what it has not read.
    public func reset() {
        stream.reset()
    }
}
