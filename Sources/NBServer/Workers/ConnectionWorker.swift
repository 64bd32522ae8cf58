/// A worker: what a server does with one connection, written as one value with a few callbacks.
///
/// The library makes room for one with every connection it is given to, and calls back on the server's thread, one callback
/// at a time; it must not block. An error thrown by a callback ends this connection and no other, and the server's behavior
/// hears ``ServerInfo/connectionFailed(_:_:)``.
///
/// ```swift
/// struct Echo: ConnectionWorker {
///     func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
///         connection.send(bytes)
///         if connection.isWritable { connection.receive() }
///     }
///     func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
///         connection.receive()
///     }
/// }
/// ```
///
/// ```
///  connected ──▶ received, sent, becameWritable, timedOut, inputEnded, handleMessage, shouldFinish … ──▶ closed
/// ```
public protocol ConnectionWorker: SendableMetatype, ~Copyable {
    /// The messages it can be sent, by ``WorkerRef/send(_:)``.
    associatedtype Message: Sendable = Never

    /// How its connections receive and send, and their limits. Asked once by each server, when it is first given such a worker.
    static var options: WorkerOptions { get }

    /// The connection is the worker's.
    mutating func connected(_ connection: borrowing WorkerConnection<Self>) throws

    /// Bytes, or a frame of them, have arrived, as ``WorkerOptions/receiving`` and ``WorkerOptions/framing`` say.
    ///
    /// - Parameters:
    ///   - bytes: lent for the length of this call; to keep them, copy them.
    ///   - connection: the connection, for the length of this call.
    /// - Throws: any error; it ends this connection, as one thrown by any other callback does.
    mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws

    /// Everything that was queued is the kernel's; `becameWritable` is called before, if both are due.
    mutating func sent(_ connection: borrowing WorkerConnection<Self>) throws

    /// Of what was queued, no more than ``WorkerOptions/sendLowWater`` is left, after it had been more than
    /// ``WorkerOptions/sendHighWater``: there is room again.
    mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws

    /// A time limit has passed. It starts again unless the connection is closed.
    mutating func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws

    /// The peer will send no more. It may still receive. Told only while the worker wants to receive, after everything that the
    /// peer has sent; of a frame that it has not sent to the end, ``WorkerConnection/cutByteCount`` bytes are left. A last line
    /// needs no line feed; see ``WorkerOptions/deliversUnterminatedLine``.
    mutating func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws

    /// Somebody has sent this worker a message.
    mutating func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) throws

    /// The server drains, or somebody asks this worker to come to an end. A worker that comes while the server drains is told
    /// after its first ``received(_:on:)``.
    mutating func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws

    /// The connection has ended, and so does the worker; no other callback follows. What the connection is asked is ignored, and its
    /// peer is not known any more.
    consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>)
}

extension ConnectionWorker where Self: ~Copyable {
    /// The defaults of ``WorkerOptions``.
    public static var options: WorkerOptions { WorkerOptions() }

    /// Does nothing.
    public mutating func connected(_ connection: borrowing WorkerConnection<Self>) throws {}

    /// Does nothing.
    public mutating func sent(_ connection: borrowing WorkerConnection<Self>) throws {}

    /// Does nothing.
    public mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws {}

    /// Closes an idle connection, and resets one that cannot be sent to.
    public mutating func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws {
        if limit == .send { connection.reset() } else { connection.close() }
    }

    /// Closes the connection, when everything is sent.
    public mutating func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws { connection.close() }

    /// Closes the connection, when everything is sent.
    public mutating func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws { connection.close() }

    /// Drops the worker.
    public consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {}
}

extension ConnectionWorker where Self: ~Copyable, Message == Never {
    /// Never called: there is no such message.
    public mutating func handleMessage(_ message: Never, on connection: borrowing WorkerConnection<Self>) throws {}
}
