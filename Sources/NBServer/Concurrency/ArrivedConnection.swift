internal import Synchronization

/// A connection of ``Arrivals``, which this object owns.
///
/// If the last reference is dropped before the connection was used, the connection is closed, and counted in ``Arrivals/droppedCount``. A
/// connection that is kept beyond the scope of its listener has ended, and requests to it do nothing. Any task or thread.
public final class ArrivedConnection: Sendable {
    /// The connection's ID.
    public let id: ConnectionID
    private let channel: ArrivalChannel
    private let isTaken = Atomic<Bool>(false)

    init(_ id: ConnectionID, _ channel: ArrivalChannel) {
        self.id = id
        self.channel = channel
    }

    deinit {
        if take() { channel.drop(id) }
    }

    /// Whether it is to be used now, which can be said once.
    private func take() -> Bool {
        !isTaken.exchange(true, ordering: .relaxed)
    }

    /// Sends and receives for as long as a body runs. Then sends what is left, and closes. Back-pressure works both ways.
    ///
    /// ```swift
    /// import NBServer
    ///
    /// func echo(_ connection: ArrivedConnection) async throws {
    ///     try await connection.withBytes { inbound, outbound in
    ///         for try await bytes in inbound { try await outbound.send(bytes) }
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - options: the framing and the limits of the connection. ``WorkerOptions/receiving`` has no effect.
    ///   - body: called once. An error that it throws ends the connection like its return: what was sent arrives.
    /// - Returns: the value that `body` returns, when the server has everything that `body` sent.
    /// - Throws: the error that `body` throws; ``ByteStreamError/taken`` if the connection was closed, reset or used before;
    ///   ``ByteStreamError/ended(_:)`` if its listener has ended.
    public nonisolated(nonsending) func withBytes<Result>(
        options: WorkerOptions = WorkerOptions(),
        _ body: nonisolated(nonsending) (InboundBytes, OutboundBytes) async throws -> Result
    ) async throws -> Result {
        guard take() else { throw ByteStreamError.taken }
        let stream = ByteStream(id, channel, options)
        guard channel.wish(.begin(stream)) else { throw ByteStreamError.ended(.stopped) }
        do {
            let result = try await body(InboundBytes(stream: stream), OutboundBytes(stream: stream))
            await stream.close()
            return result
        } catch {
            await stream.close()
            throw error
        }
    }

    /// The peer's address. `nil` if the connection has ended, or its peer has reset it. `getpeername(2)`, on the server's thread.
    public nonisolated(nonsending) func peerAddress() async -> SocketAddress? {
        await withUnsafeContinuation { continuation in
            if !channel.wish(.tellPeer(id, continuation)) { continuation.resume(returning: nil) }
        }
    }

    /// Sends a text and closes, for a connection that needs no input of its peer.
    ///
    /// - Returns: `false` if the connection was closed, reset or used before.
    @discardableResult
    public func close(sending text: String = "") -> Bool {
        close(sending: Array(text.utf8))
    }

    /// Sends bytes and closes; see ``close(sending:)-(String)``.
    @discardableResult
    public func close(sending bytes: [UInt8]) -> Bool {
        guard take() else { return false }
        if !bytes.isEmpty { channel.wish(.send(bytes, id)) }
        channel.wish(.close(id))
        return true
    }

    /// Ends the connection at once. The peer gets a reset and may lose what it has not read. Within ``withBytes(options:_:)`` use
    /// ``OutboundBytes/reset()``.
    ///
    /// - Returns: `false` if the connection was closed, reset or used before.
    @discardableResult
    public func reset() -> Bool {
        guard take() else { return false }
        channel.wish(.reset(id))
        return true
    }
}
