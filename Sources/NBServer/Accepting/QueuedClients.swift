/// What a drain does with clients in the accept queues.
public enum QueuedClients: Hashable, Sendable {
    /// Accepts and delivers them. A listener closes when its queue is empty, or after as many clients as were queued when the drain began,
    /// plus two quanta (``ServerOptions/quantum``) and one. Clients still queued are reset.
    case serve
    /// Resets them when the listeners close.
    case reset
}
