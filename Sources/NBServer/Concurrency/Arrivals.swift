/// The connections of a listener, as a sequence; see `withListener`.
///
/// Each connection goes to one consumer. There may be several consumers. The sequence ends when the server has stopped, when its scope has
/// ended, and for a task that is cancelled. Connections that were accepted and not taken by the end of the scope are reset and counted.
public struct Arrivals: AsyncSequence, Sendable {
    let channel: ArrivalChannel
    let server: Server<ArrivalServer>
    /// The server's thread as an executor. A consumer that prefers it takes connections without a thread switch.
    public let executor: ServerExecutor

    /// The addresses that the server listens on, with the ports that the kernel chose.
    public var addresses: [SocketAddress] { server.addresses }

    /// The server's counters. Connections that were taken count as delivered; connections that were accepted and not taken yet count as
    /// waiting. When the scope has ended, `accepted` is exactly `delivered` and `discarded` together.
    public var counters: ServerCounters { channel.counters }

    /// How many delivered connections were dropped, and so closed, without being used.
    public var droppedCount: UInt64 { channel.droppedCount }

    /// Takes all waiting connections, as soon as there are any. One wake-up for each batch, and no allocation for a connection.
    ///
    /// - Returns: the batch; `nil` at the end of the sequence.
    public nonisolated(nonsending) func nextBatch() async -> ArrivalBatch? {
        guard let batch = await channel.nextBatch() else { return nil }
        return ArrivalBatch(batch, channel)
    }

    /// Asks the server to drain, without waiting. Queued clients are served. The sequence ends when all connections have ended, or after
    /// this time. ``InboundBytes`` of open connections end at once.
    public func requestDrain(within limit: Duration) {
        server.requestDrain(within: limit)
    }

    /// Asks the server to stop, without waiting. The sequence ends, and connections end as ``Server/requestStop(within:)`` says.
    public func requestStop(within limit: Duration? = nil) {
        server.requestStop(within: limit)
    }

    /// Begins to take connections.
    public func makeAsyncIterator() -> Iterator { Iterator(channel: channel) }

    /// Takes one connection after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let channel: ArrivalChannel

        /// Takes the next connection; `nil` at the end of the sequence. One allocation.
        public mutating func next() async -> ArrivedConnection? {
            await next(isolation: nil)
        }

        /// Takes the next connection on the caller's actor; `nil` at the end of the sequence.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> ArrivedConnection? {
            await channel.next().map { ArrivedConnection($0, channel) }
        }
    }
}
