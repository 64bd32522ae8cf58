#if Lifecycle
internal import NBServer
public import ServiceLifecycle

/// A server, or a group of servers, as a service that drains on a graceful shutdown. A value; any task.
///
/// ```swift
/// let group = ServiceGroup(
///     configuration: ServiceGroupConfiguration(
///         services: [.init(service: server.service(drainingWithin: .seconds(10)))],
///         gracefulShutdownSignals: [.sigterm],
///         cancellationSignals: [.sigint],
///         logger: logger
///     )
/// )
/// try await group.run()
/// ```
///
/// The service group handles the signals, so the server is given none.
public struct DrainingService: Service {
    private let server: any Serving
    private let queued: QueuedClients
    private let limit: Duration

    init(_ server: any Serving, queued: QueuedClients, within limit: Duration) {
        self.server = server
        self.queued = queued
        self.limit = limit
    }

    /// Serves until the server has ended. Everything is closed then, and `terminate` has run. No thread of the caller's is blocked.
    ///
    /// - A **graceful shutdown** drains the server: clients that wait are served, or not, and connections have the service's limit to end. If
    ///   it comes before the server runs, or while the behavior begins, the server begins and drains at once. A second one changes nothing.
    /// - **Cancellation** stops the server: connections have ``ServerOptions/stopTimeLimit`` to take what was queued for them. If it comes
    ///   before the server runs, the server never does; while the behavior begins, the server stops once that has begun. It also ends a
    ///   drain that is under way.
    ///
    /// - Throws: ``ServerError``, or the error of a callback, if the server could not begin or failed; with ``ServerError/Code/alreadyRan`` if
    ///   it ran before. A server that stops by itself, as by a verdict, is no error here; to the service group it is a service that ended
    ///   early.
    public func run() async throws {
        let reason = try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await server.start(drainingOn: [], within: limit, stoppingOn: [], reporting: [])
                return await server.waitForEnd()
            } onCancel: {
                server.requestStop(within: nil)
            }
        } onGracefulShutdown: {
            server.requestDrain(queued: queued, within: limit)
        }
        if case .failed(let error) = reason { throw error }
    }
}
#endif
