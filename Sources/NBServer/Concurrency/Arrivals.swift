/// The connections of a listener, as a sequence; see `withListener`.
///
/// Each connection goes to one consumer, of which there may be several. The sequence ends when the server has stopped, when its scope
/// has ended, and for a task that is cancelled. What was accepted and not taken by the end of the scope is reset and counted.
public struct Arrivals: AsyncSequence, Sendable {
    let channel: ArrivalChannel
    let server: Server<ArrivalServer>
    /// The server's thread as an executor. A consumer that prefers it takes connections without a thread switch.
    public let executor: ServerExecutor

    /// The addresses listened on, with the ports the kernel chose.
    public var addresses: [SocketAddress] { server.addresses }

    /// What the server has counted: delivered are those that were taken, waiting those that were accepted and not taken yet. When the scope
    /// has ended, `accepted` is `delivered` and `discarded`, exactly.
    public var counters: ServerCounters { channel.counters }

    /// How many delivered connections were dropped, and so closed, without being used.
    public var droppedCount: UInt64 { channel.droppedCount }

    /// Takes all connections that wait, as soon as there are some. One wake-up for each batch, and no allocation for a connection.
    ///
    /// - Returns: the batch; `nil` where the sequence ends.
    public nonisolated(nonsending) func nextBatch() async -> ArrivalBatch? {
        guard let batch = await channel.nextBatch() else { return nil }
        return ArrivalBatch(batch, channel)
    }

    /// Asks the server to drain, and does not wait for it: clients that wait are served, then the sequence ends, when all connections have
    /// ended or after this time. ``InboundBytes`` of open connections end at once.
    public func requestDrain(within limit: Duration) {
        server.requestDrain(within: limit)
    }

    /// Asks the server to stop, and does not wait for it: the sequence ends, and connections end as ``Server/requestStop(within:)`` says.
    public func requestStop(within limit: Duration? = nil) {
        server.requestStop(within: limit)
    }

    /// Begins to take connections.
    public func makeAsyncIterator() -> Iterator { Iterator(channel: channel) }

    /// Takes connections, one after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let channel: ArrivalChannel

        /// Takes the next connection; `nil` where the sequence ends. One allocation.
        public mutating func next() async -> ArrivedConnection? {
            await next(isolation: nil)
        }

        /// The same on the caller's actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> ArrivedConnection? {
            await channel.next().map { ArrivedConnection($0, channel) }
        }
    }
}
