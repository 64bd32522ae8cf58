/// The end of a group: what the ends of its shards add up to. All that shards share, besides their port.
///
/// Each shard's thread notes its own shard's end, once; any thread waits.
final class GroupEnd: Sendable {
    private struct State {
        var remaining: Int
        /// The first shard's that has failed, or else the first's that has not drained.
        var first: Result<StopReason, ServerError>?
        /// How many connections had not ended, of all that have drained.
        var unfinished = 0
    }

    private let state: Lock<State>
    let outcome = Outcome<Result<StopReason, ServerError>>()

    init(shards: Int) {
        state = Lock(State(remaining: shards))
    }

    /// A shard has ended; returns whether the others have to as well. One that has drained was asked to, as they were, or left alone.
    func note(_ result: Result<StopReason, ServerError>, of shard: Int) -> Bool {
        let result = result.mapError { $0.ofShard(shard) }
        let (isOver, isDrained) = state.withLock { state in
            state.remaining -= 1
            if case .success(.drained(let unfinished)) = result {
                state.unfinished += unfinished
                return (state.remaining == 0, true)
            }
            if state.first.map({ result.isFailure && !$0.isFailure }) ?? true { state.first = result }
            return (state.remaining == 0, false)
        }
        if isOver { outcome.resolve(state.withLock { $0.first ?? .success(.drained(unfinished: $0.unfinished)) }) }
        return !isDrained
    }

    /// The group was stopped before it ran.
    func cancel() {
        outcome.resolve(.success(.requested))
    }
}

extension Result<StopReason, ServerError> {
    fileprivate var isFailure: Bool {
        switch self {
        case .success(.failed), .failure: true
        case .success: false
        }
    }
}

extension ServerError {
    /// The same, which says whose it is.
    func ofShard(_ shard: Int) -> ServerError {
        ServerError(code, operation: "shard \(shard): \(operation)", address: address, errno: errno, cure: cure)
    }
}
