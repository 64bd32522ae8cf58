#if Lifecycle
public import NBServer
public import ServiceLifecycle

/// A server is a service: `ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm], logger: logger)` runs it.
///
/// A graceful shutdown drains the server within 30 seconds; ``service(queued:drainingWithin:)`` says otherwise.
extension Server: Service where Behavior: ~Copyable {
    /// Serves on a thread of the server's own until the server has ended; see ``DrainingService/run()``.
    public func run() async throws {
        try await service().run()
    }

    /// The server as a service that drains in another way.
    ///
    /// - Parameters:
    ///   - queued: what becomes of clients that wait to be accepted when a graceful shutdown begins.
    ///   - limit: how long connections have to end then. A group's `maximumGracefulShutdownDuration`, if it is shorter, cancels the service.
    /// - Returns: the service, for a `ServiceGroup`.
    public func service(
        queued: QueuedClients = .serve,
        drainingWithin limit: Duration = .seconds(30)
    ) -> DrainingService {
        DrainingService(self, queued: queued, within: limit)
    }
}

extension Server: Serving where Behavior: ~Copyable {}
#endif
