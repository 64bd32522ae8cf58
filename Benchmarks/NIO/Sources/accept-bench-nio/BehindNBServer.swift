import ArgumentParser
import NBServer
import NBServerNIO
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

    /// Accepts from now on.
    func start() async throws {
        try await acceptor.start()
    }
}
