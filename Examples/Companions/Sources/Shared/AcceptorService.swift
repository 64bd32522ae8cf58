// An acceptor for event loops as a service, which drains on a graceful shutdown.

internal import Logging
public import NBServerNIO
public import ServiceLifecycle

/// A `NIOAcceptor` or a `NIOAsyncAcceptor`: how it runs, and how it is asked to drain. A value.
public struct AcceptorService: Service {
    private let body: @Sendable () async throws -> Void
    private let drain: @Sendable () -> Void

    /// A service that accepts for handlers.
    public init(_ acceptor: NIOAcceptor) {
        body = { try await acceptor.run() }
        drain = { acceptor.requestDrain(within: .seconds(10)) }
    }

    /// A service that accepts for tasks.
    public init<Output>(_ acceptor: NIOAsyncAcceptor<Output>, handler: @escaping @Sendable (Output) async -> Void) {
        body = { try await acceptor.run(handler) }
        drain = { acceptor.requestDrain(within: .seconds(10)) }
    }

    /// Accepts until the acceptor has ended.
    public func run() async throws {
        try await withGracefulShutdownHandler(operation: body, onGracefulShutdown: drain)
    }

    /// Runs it until SIGTERM, which drains it, or Ctrl-C, which stops it.
    public func runUntilSignal() async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self)],
                gracefulShutdownSignals: [.sigterm],
                cancellationSignals: [.sigint],
                logger: Logger(label: "acceptor", factory: { StreamLogHandler.standardError(label: $0) })
            )
        )
        try await group.run()
    }
}
