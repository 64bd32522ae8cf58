/// What a connection's peer sends, as a sequence of what is delivered at a time: bytes as they arrive, or frames, as
/// ``WorkerOptions/framing`` says.
///
/// While the consumer takes nothing, 64 KiB wait for it, and what one receive brings; then the peer has to wait.
///
/// It ends when the peer has ended its side, and when the server drains. An error is a ``ByteStreamError``, or a `CancellationError` if the
/// task is cancelled; what had arrived before the end of the connection comes first. Several tasks may take of it; each element goes to one.
public struct InboundBytes: AsyncSequence, Sendable {
    let stream: ByteStream

    /// Begins to receive.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

    /// Receives, one element after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: ByteStream

        /// Receives what comes next; `nil` at the end.
        public mutating func next() async throws -> [UInt8]? {
            try await next(isolation: nil)
        }

        /// The same on the caller's actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            try await stream.receive()
        }
    }
}
