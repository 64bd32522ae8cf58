/// What becomes of clients that wait in the accept queues when a server begins to drain.
public enum QueuedClients: Hashable, Sendable {
    /// They are accepted and delivered. A listener closes when its queue is found empty, or when it has served as many clients as its
    /// queue held, and as many more as may have been accepted before: two quanta (``ServerOptions/quantum``) and one at the most.
    /// Clients that wait by then are reset.
    case serve
    /// They are reset when the listeners close.
    case reset
}
