/// The name of a worker, by which it is sent messages; no two workers of a process ever have the same.
public struct WorkerID<Worker: ConnectionWorker & ~Copyable>: Hashable, Sendable {
    /// The name of its connection.
    public let connection: ConnectionID
}
