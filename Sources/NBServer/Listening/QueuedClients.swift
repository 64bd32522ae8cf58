/// What becomes of clients that wait in the accept queues when a server begins to drain.
public enum QueuedClients: Hashable, Sendable {
    /// They are accepted and delivered: those who wait by then, and whoever comes until a queue is found empty or was served as
    /// many as it held and a quantum more. Later ones are reset.
    case serve
    /// They are reset when the listeners close.
    case leave
}
