/// The bytes that a connection's peer sends, as a sequence. An element is one delivery: bytes as they arrive, or a frame, as
/// ``WorkerOptions/framing`` says.
///
/// While the consumer takes nothing, at most 64 KiB and one receive wait for it. Then the peer is made to wait.
///
/// The sequence ends when the peer has ended its side, and when the server drains. It throws a ``ByteStreamError``, or a
/// `CancellationError` if the task is cancelled. Bytes that arrived before the end of the connection come first. Several tasks may iterate;
/// each element goes to one of them.
public struct InboundBytes: AsyncSequence, Sendable {
    let stream: ByteStream

    /// Begins to receive.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

    /// Receives one element after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: ByteStream

        /// Receives the next element; `nil` at the end.
        public mutating func next() async throws -> [UInt8]? {
            try await next(isolation: nil)
        }

        /// Receives the next element on the caller's actor; `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            try await stream.receive()
        }
    }
}
