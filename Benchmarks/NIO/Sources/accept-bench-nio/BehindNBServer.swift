import ArgumentParser
import Dispatch
import NBServer
import NBServerNIO
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// nb-server accepts, on a thread of its own, and SwiftNIO's one event loop serves.
///
/// Sockets have the options of the other contenders; NIO's are as they are behind its own listener.
struct BehindNBServer {
    private let acceptor: NIOAcceptor

    /// Where it listens.
    var addresses: [String] { acceptor.addresses.map(\.description) }

    /// - Parameters:
    ///   - group: the loops.
    ///   - listen: the first address.
    ///   - listeners: how many ports, from that one upwards.
    ///   - initializer: prepares a channel.
    /// - Throws: `ValidationError` if that is no address, or `ServerError` if nothing can listen there.
    init(
        _ group: MultiThreadedEventLoopGroup,
        listen: String,
        listeners: Int,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) throws {
        let first = try NBServer.SocketAddress(listen)
        guard let ip = first.ip else { throw ValidationError("not an address and port: '\(listen)'") }
        let endpoints = (0..<listeners).map { number in
            Endpoint(.ip(ip, port: first.port == 0 ? 0 : first.port + UInt16(number)))
        }
        acceptor = try NIOAcceptor(
            group: group,
            listeningOn: endpoints,
            options: ServerOptions(listenerLimit: max(1024, listeners)),
            initializer: initializer
        )
    }

    /// Accepts from now on. Blocks the caller until it does: this program waits for signals on its first thread.
    func start() throws {
        let outcome = NIOLockedValueBox<Result<Void, any Error>?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        Task.detached { [acceptor] in
            do {
                try await acceptor.start()
                outcome.withLockedValue { $0 = .success(()) }
            } catch {
                outcome.withLockedValue { $0 = .failure(error) }
            }
            isDone.signal()
        }
        isDone.wait()
        try outcome.withLockedValue { $0 }?.get()
    }
}
