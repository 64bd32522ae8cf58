/// What becomes of clients that wait in the accept queues when a server begins to drain.
public enum QueuedClients: Hashable, Sendable {
    /// They are accepted and delivered. A listener closes when its queue is found empty, or when it has served as many as its
    /// queue held and a quantum more; who waits by then is reset.
    case serve
    /// They are reset when the listeners close.
    case reset
}
