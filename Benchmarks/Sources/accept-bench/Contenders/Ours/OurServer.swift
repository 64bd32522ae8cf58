import Glibc
import Measuring
import NBServer

/// Runs nb-server as a contender, in this process.
///
/// With its defaults: what a user gets who sets nothing.
enum OurServer {
    static func run(_ options: ServeOptions, isEmbedded: Bool) throws {
        let tally = AcceptTally()
        switch options.work {
        case .none:
            try run(
                Server(Closer(tally: tally), listening: endpoints(options), options: serverOptions(options)),
                isEmbedded
            )
        case .banner: try runGreeter(tally, options, isEmbedded)
        case .turnaround:
            try run(
                Server(Responder(tally: tally), listening: endpoints(options), options: serverOptions(options)),
                isEmbedded
            )
        case .hold:
            try run(
                Server(Holder(tally: tally), listening: endpoints(options), options: serverOptions(options)),
                isEmbedded
            )
        }
        say("accepted \(tally.accepted)\n")
    }

    private static func run<Behavior>(_ server: Server<Behavior>, _ isEmbedded: Bool) throws {
        announce(server)
        if isEmbedded { return try EpollHost.serve(server) }
        try server.run(stoppingOn: [.interrupt, .terminate])
    }

    private static func runGreeter(_ tally: AcceptTally, _ options: ServeOptions, _ isEmbedded: Bool) throws {
        let greeter = Greeter(tally: tally)
        let server = try Server(greeter, listening: endpoints(options), options: serverOptions(options))
        var timer: CallTimer?
        if options.callInterval > 0 {
            let new = CallTimer(server, microseconds: options.callInterval)
            try new.start()
            timer = new
        }
        try run(server, isEmbedded)
        say((timer?.measured ?? []).map { "call \($0)\n" }.joined())
    }

    private static func announce<Behavior>(_ server: Server<Behavior>) {
        say(server.addresses.map { "listening on \($0)\n" }.joined())
    }

    private static func endpoints(_ options: ServeOptions) -> [Endpoint] {
        (0..<options.listeners).map { number in
            Endpoint("\(options.host):\(options.port == 0 ? 0 : Int(options.port) + number)")
        }
    }

    /// On the ring, or not at all: figures of another engine would be taken for the ring's. The limit of listeners is the only one that
    /// has to give way to what is asked for.
    private static func serverOptions(_ options: ServeOptions) -> ServerOptions {
        var result = ServerOptions(engine: .ring)
        result.maximumListeners = max(result.maximumListeners, options.listeners)
        return result
    }

    private static func say(_ text: String) {
        writeText(text, to: STDOUT_FILENO)
    }
}
