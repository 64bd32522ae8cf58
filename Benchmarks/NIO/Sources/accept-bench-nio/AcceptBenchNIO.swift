import ArgumentParser
import Foundation
import NIOCore
import NIOPosix

/// The SwiftNIO contender of accept-bench: one event loop, which accepts and serves; or several, each with a listener of its own
/// at every port (`SO_REUSEPORT`), among which the kernel shares the connections; or one that serves what nb-server accepts.
///
/// The other options of its sockets are those of the other contenders: `SO_REUSEADDR` and the longest backlog there is. Everything
/// else is as SwiftNIO has it.
@main
struct AcceptBenchNIO: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-bench-nio",
        abstract: "Serve with SwiftNIO, for accept-bench.",
        discussion: "Example:\n  accept-bench-nio --listen 127.0.0.1:7777 --work banner"
    )

    @Option(help: "IPv4 address and port; port 0 for any free one.")
    var listen = "127.0.0.1:7777"

    @Option(help: "Listen on so many ports, from that one upwards.")
    var listeners = 1

    @Option(help: "So many event loops, each with a listener of its own at every port (SO_REUSEPORT).")
    var loops: Int?

    @Flag(help: "Have nb-server accept for the event loops.")
    var behindNBServer = false

    @Option(help: "What to do with a connection: none, banner, turnaround, limited or hold.")
    var work = Work.banner

    @Option(help: "Call the event loop from another thread every so many microseconds, and print how long that took.")
    var callInterval = 0

    func validate() throws {
        guard loops ?? 1 >= 1 else { throw ValidationError("--loops is 1 or more") }
    }

    func run() throws {
        // For sigwait below; before NIO makes its threads, which inherit it.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops ?? 1)
        let tally = Tally()
        if behindNBServer {
            let server = try BehindNBServer(
                group,
                listen: listen,
                listeners: listeners,
                initializer: initializer(tally)
            )
            for address in server.addresses { say("listening on \(address)\n") }
            try server.start()
        } else {
            for channel in try bind(group, tally) { say("listening on \(Self.text(channel.localAddress))\n") }
        }
        let calls = callInterval > 0 ? CallTimer(group.next(), microseconds: callInterval) : nil

        var signal: Int32 = 0
        sigwait(&signals, &signal)
        say((calls?.measured ?? []).map { "call \($0)\n" }.joined() + "accepted \(tally.accepted)\n")
    }

    private func bind(_ group: MultiThreadedEventLoopGroup, _ tally: Tally) throws -> [any Channel] {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
            throw ValidationError("not an address and port: '\(listen)'")
        }
        let host = String(listen[..<colon])
        // At any free port, the first loop's listener is given one, and the others share that.
        let bootstraps = group.makeIterator().map { bootstrap($0, tally) }
        return try (0..<listeners).map { number in
            let first = try bootstraps[0].bind(host: host, port: port == 0 ? 0 : port + number).wait()
            for other in bootstraps.dropFirst() {
                _ = try other.bind(host: host, port: first.localAddress?.port ?? 0).wait()
            }
            return first
        }
    }

    private func bootstrap(_ loop: any EventLoop, _ tally: Tally) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: Int32.max)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer(initializer(tally))
        guard loops != nil else { return bootstrap }
        return bootstrap.serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1)
    }

    private func initializer(_ tally: Tally) -> @Sendable (any Channel) -> EventLoopFuture<Void> {
        { [work] channel in
            channel.eventLoop.makeCompletedFuture {
                tally.note()
                try channel.pipeline.syncOperations.addHandler(Server(work))
            }
        }
    }

    private static func text(_ address: SocketAddress?) -> String {
        "\(address?.ipAddress ?? "?"):\(address?.port ?? 0)"
    }

    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
