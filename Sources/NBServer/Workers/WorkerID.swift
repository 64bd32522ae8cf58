/// The name of a worker, by which it is sent messages; no two workers of a process ever have the same.
public struct WorkerID<Worker: ConnectionWorker & ~Copyable>: Hashable, Sendable, CustomStringConvertible {
    /// The name of its connection.
    public let connection: ConnectionID

    /// The name in a log: `Echo of connection 17`.
    public var description: String { "\(Worker.self) of \(connection)" }
}
