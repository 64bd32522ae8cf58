#if Lifecycle
internal import NBServer

/// What a service wants of a server or of a group of them.
protocol Serving: Sendable {
    nonisolated(nonsending) func start(
        drainingOn draining: [Signal],
        within limit: Duration,
        stoppingOn stopping: [Signal],
        reporting: [Signal]
    ) async throws(ServerError)
    func requestDrain(queued: QueuedClients, within limit: Duration)
    func requestStop(within limit: Duration?)
    nonisolated(nonsending) func waitForEnd() async -> StopReason
}
#endif
