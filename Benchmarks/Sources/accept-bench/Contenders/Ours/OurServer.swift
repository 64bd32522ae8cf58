import Glibc
import Measuring
import NBServer

/// Runs nb-server as a contender, in this process.
///
/// With its defaults: what a user gets who sets nothing.
struct OurServer {
    let options: ServeOptions
    let setting: Contender.Setting
    private let admission: Admission?
    private let tally = AcceptTally()

    init(options: ServeOptions, setting: Contender.Setting, admission: OurAdmission?) throws {
        self.options = options
        self.setting = setting
        self.admission = try admission?.make()
    }

    func run() throws {
        switch options.work {
        case .none: try run { Closer(tally: tally) }
        case .banner: try runGreeter()
        case .turnaround: try run { Responder(tally: tally) }
        case .limited: try run { LimitedResponder(tally: tally) }
        case .hold: try run { Holder(tally: tally) }
        }
        say("accepted \(tally.accepted)\n")
    }

    /// One server, or a group of shards.
    private func run<Behavior>(
        _ make: () -> Behavior,
        before: (Server<Behavior>) throws -> Void = { _ in }
    ) throws {
        guard options.shards > 1 else {
            let server = try Server(make(), listening: endpoints, options: serverOptions)
            tell(server.addresses)
            try before(server)
            if setting == .embedded { return try EpollHost.serve(server) }
            try server.run(stoppingOn: [.interrupt, .terminate])
            return
        }
        let groupOptions = GroupOptions(shards: options.shards, server: serverOptions)
        let group = try ServerGroup(listening: endpoints, options: groupOptions) { _ in make() }
        tell(group.addresses)
        try before(group.shards[0])
        try group.run(stoppingOn: [.interrupt, .terminate])
    }

    private func tell(_ addresses: [SocketAddress]) {
        say(addresses.map { "listening on \($0)\n" }.joined())
    }

    private func runGreeter() throws {
        var timer: CallTimer?
        try run {
            Greeter(tally: tally)
        } before: { server in
            guard options.callInterval > 0 else { return }
            let new = CallTimer(server, microseconds: options.callInterval)
            try new.start()
            timer = new
        }
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
        var result = ServerOptions(admission: admission, engine: setting == .epoll ? .epoll : .ring)
        result.listenerLimit = max(result.listenerLimit, options.listeners)
        return result
    }

    private func say(_ text: String) {
        writeText(text, to: STDOUT_FILENO)
    }
}
