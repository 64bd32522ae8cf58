import Glibc
import Measuring
import NBServer

/// Runs nb-server as a contender, in this process.
///
/// With its defaults: what a user gets who sets nothing.
struct OurServer {
    let options: ServeOptions
    let setting: Contender.Setting
    private let tally = AcceptTally()

    init(options: ServeOptions, setting: Contender.Setting) {
        self.options = options
        self.setting = setting
    }

    func run() throws {
        switch options.work {
        case .none: try run(Server(Closer(tally: tally), listening: endpoints, options: serverOptions))
        case .banner: try runGreeter()
        case .turnaround: try run(Server(Responder(tally: tally), listening: endpoints, options: serverOptions))
        case .limited:
            try run(Server(LimitedResponder(tally: tally), listening: endpoints, options: serverOptions))
        case .hold: try run(Server(Holder(tally: tally), listening: endpoints, options: serverOptions))
        }
        say("accepted \(tally.accepted)\n")
    }

    private func run<Behavior>(_ server: Server<Behavior>) throws {
        say(server.addresses.map { "listening on \($0)\n" }.joined())
        if setting == .embedded { return try EpollHost.serve(server) }
        try server.run(stoppingOn: [.interrupt, .terminate])
    }

    private func runGreeter() throws {
        let server = try Server(Greeter(tally: tally), listening: endpoints, options: serverOptions)
        var timer: CallTimer?
        if options.callInterval > 0 {
            let new = CallTimer(server, microseconds: options.callInterval)
            try new.start()
            timer = new
        }
        try run(server)
        say((timer?.measured ?? []).map { "call \($0)\n" }.joined())
    }

    private var endpoints: [Endpoint] {
        (0..<options.listeners).map { number in
            Endpoint("\(options.host):\(options.port == 0 ? 0 : Int(options.port) + number)")
        }
    }

    /// On the engine that is asked for, or not at all: figures of another would be taken for its own. The limit of listeners is the only
    /// one that has to give way to what is asked for.
    private var serverOptions: ServerOptions {
        var result = ServerOptions(engine: setting == .epoll ? .epoll : .ring)
        result.listenerLimit = max(result.listenerLimit, options.listeners)
        return result
    }

    private func say(_ text: String) {
        writeText(text, to: STDOUT_FILENO)
    }
}
