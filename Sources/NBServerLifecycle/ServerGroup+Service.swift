#if Lifecycle
public import NBServer
public import ServiceLifecycle

/// A group of servers is one service, as a ``Server`` is. The shards are not to be services by themselves.
extension ServerGroup: Service where Behavior: ~Copyable {
    /// Serves on threads of the shards' own until the group has ended; see ``DrainingService/run()``.
    public func run() async throws {
        try await service().run()
    }

    /// The group as a service that drains in another way; see ``Server/service(queued:drainingWithin:)``.
    public func service(
        queued: QueuedClients = .serve,
        drainingWithin limit: Duration = .seconds(30)
    ) -> DrainingService {
        DrainingService(self, queued: queued, within: limit)
    }
}

extension ServerGroup: Serving where Behavior: ~Copyable {}
#endif
