internal import NBEngine

// What can be said to a group from outside. One shard is spoken to by itself: `group.shards[2].call(…)`. Any thread or task.
extension ServerGroup where Behavior: ~Copyable {
    /// Calls every shard, all at once, and waits for their answers. For example, `try await group.callAll(Counter.Call.served).reduce(0,
    /// +)`.
    ///
    /// - Parameters:
    ///   - request: makes the call from the ``Caller`` to reply to. Called once for each shard.
    ///   - limit: how long to wait for all of them; `nil` for as long as it takes.
    /// - Returns: the shards' replies, in their order.
    /// - Throws: ``CallError`` of the first shard without an answer. The others have handled the call, or may still.
    public nonisolated(nonsending) func callAll<Reply>(
        _ request: (Caller<Reply>) -> Behavior.Call,
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> [Reply] {
        try await askAll(within: limit) { CallMessage<Behavior>(request($0)) }
    }

    /// Sends every shard a message that wants no answer. Never waits.
    ///
    /// - Parameter message: makes the message. Called once for each shard.
    /// - Throws: ``CastError`` of the first shard that did not take the message. The others have taken it, unless they have stopped.
    public func castAll(_ message: @autoclosure () -> Behavior.Cast) throws(CastError) {
        var refusal: CastError?
        for shard in shards {
            do throws(CastError) {
                try shard.cast(message())
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }

    /// The group's status at this moment.
    ///
    /// - Throws: ``CallError`` if a shard has stopped, or does not answer in time.
    public nonisolated(nonsending) func status(
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> GroupStatus {
        GroupStatus(
            shards: try await askAll(within: limit) { caller in .request { caller.reply($0.status) } }
        )
    }

    /// Puts a message in with every shard, then waits for the answers.
    private nonisolated(nonsending) func askAll<Reply>(
        within limit: Duration?,
        _ message: (Caller<Reply>) -> Message
    ) async throws(CallError) -> [Reply] {
        let deadline = limit.map { Instant.now + $0 }
        var calls: [TypedCall<Reply>] = []
        // Of those that are not waited for any more.
        defer { for (shard, call) in zip(shards, calls) { shard.mailbox.ledger.strike(call.pending) } }
        for shard in shards { calls.append(try shard.send(message)) }
        var replies: [Reply] = []
        for (shard, call) in zip(shards, calls) {
            replies.append(try await shard.answer(of: call, within: deadline.map { Instant.now.duration(to: $0) }))
        }
        return replies
    }
}
