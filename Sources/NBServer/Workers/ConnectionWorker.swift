/// A worker: what a server does with one connection, as one value with a few callbacks.
///
/// The library stores one worker with each connection. It calls the worker back on the server's thread, one callback at a time. A callback
/// must not block. An error that a callback throws ends this connection and no other; the server's behavior hears
/// ``ServerInfo/connectionFailed(_:_:)``. Only ``received(_:on:)`` is required.
///
/// ```swift
/// import NBServer
///
/// struct Echo: ConnectionWorker {
///     func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
/// }
/// ```
///
/// ```
///  connected ──▶ received, sent, becameWritable, timedOut, inputEnded, handleMessage, shouldFinish … ──▶ closed
/// ```
public protocol ConnectionWorker: SendableMetatype, ~Copyable {
    /// The messages that can be sent to the worker with ``WorkerRef/send(_:)``, or that ``WorkerConnection/run(_:)`` returns.
    associatedtype Message: Sendable = Never

    /// How connections of this type of worker receive and send, and their limits. Each server reads it once, when it is first given such a
    /// worker.
    static var options: WorkerOptions { get }

    /// Called first. The connection is the worker's from now on.
    mutating func connected(_ connection: borrowing WorkerConnection<Self>) throws

    /// Called with bytes, a line or a frame, as ``WorkerOptions/receiving`` and ``WorkerOptions/framing`` say.
    ///
    /// - Parameters:
    ///   - bytes: the bytes, lent for the length of this call. To keep them, copy them.
    ///   - connection: the connection, for the length of this call.
    /// - Throws: any error. It ends this connection, like an error of any other callback.
    mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws

    /// Called when the kernel has taken everything that was queued. If `becameWritable` is due as well, it is called before.
    ///
    /// Leave this out if there is nothing to do then: what fits into the socket's buffer takes no completion and wakes nothing, once
    /// the server has learned that workers of this type have nothing to do.
    mutating func sent(_ connection: borrowing WorkerConnection<Self>) throws

    /// Called when the peer has caught up: more than ``WorkerOptions/sendHighWater`` bytes were queued, and no more than
    /// ``WorkerOptions/sendLowWater`` are left.
    mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws

    /// Called when a time limit has passed. The limit starts again unless the connection is closed.
    mutating func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws

    /// Called when the peer has ended its side, after everything that the peer has sent was delivered. The peer may still receive. Called
    /// only while the worker wants to receive.
    ///
    /// If the input ended in the middle of a frame, ``WorkerConnection/cutByteCount`` bytes are left. A last line needs no line feed; see
    /// ``WorkerOptions/deliversUnterminatedLine``.
    mutating func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws

    /// Called with a message of ``WorkerRef/send(_:)``, or with the value of a ``WorkerConnection/run(_:)``.
    mutating func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) throws

    /// Called when the server drains, or when ``WorkerRef/finish()`` asks this worker to end. A worker that gets its connection during a
    /// drain is called after its first ``received(_:on:)``. A worker that awaits a ``WorkerConnection/run(_:)`` is called after the run.
    mutating func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws

    /// Called last, when the connection has ended. The worker ends too. Requests to the connection are ignored, and the peer's address is
    /// unknown.
    consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>)
}

extension ConnectionWorker where Self: ~Copyable {
    /// The defaults of ``WorkerOptions``.
    public static var options: WorkerOptions { WorkerOptions() }

    /// Does nothing.
    public mutating func connected(_ connection: borrowing WorkerConnection<Self>) throws {}

    /// Does nothing. From then on the server spares workers of this type this call.
    public mutating func sent(_ connection: borrowing WorkerConnection<Self>) throws {
        connection.noteUnheardSend()
    }

    /// Does nothing.
    public mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws {}

    /// Resets the connection if the peer takes nothing (``TimeLimit/send``); otherwise closes it.
    public mutating func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws {
        if limit == .send { connection.reset() } else { connection.close() }
    }

    /// Closes the connection when everything is sent.
    public mutating func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws { connection.close() }

    /// Closes the connection when everything is sent.
    public mutating func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws { connection.close() }

    /// Drops the worker.
    public consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {}
}

extension ConnectionWorker where Self: ~Copyable, Message == Never {
    /// Never called, because the worker has no messages.
    public mutating func handleMessage(_ message: Never, on connection: borrowing WorkerConnection<Self>) throws {}
}
