/// What the clients of one round do.
struct Load {
    let work: Work
    /// Open at a time.
    let connections: Int
    /// How often each says something, or how often so many short ones are opened.
    let exchanges: Int
    /// Whether the server is stopped until everybody has spoken: how it does when it has more to do than it can.
    let isPausing: Bool
}
