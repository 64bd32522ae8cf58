/// A server that takes part: how it is started, and what it cannot do.
struct Contender: Sendable {
    /// How it is called in tables and by `--contender`.
    let name: String
    let summary: String
    let program: Program
    /// Why it cannot take part in a scenario that calls it.
    var reasonNotToBeCalled: String?
    /// Of ours: what decides whether a client is let in. All are.
    var admission: OurAdmission?
    /// Of ours with an admission: the contender that has one thing less, and is otherwise the same.
    var base: String?
    /// Of an external one: whether it sends something before it is asked.
    var speaksFirst = false

    enum Program: Sendable {
        /// This package's server, in a process of this same program.
        case ours(Setting)
        /// One of the C loops: its name, and how many completions or events it takes at a time.
        case loop(String, depth: Int?, Steps = .plain)
        /// SwiftNIO with so many event loops, each with a listener of its own; nil for one loop, which needs no such listener.
        case nio(loops: Int?)
        /// SwiftNIO with one event loop, for which this package's server accepts, on a thread of its own.
        case nioBehindOurs
        /// Anything else: a command with `{port}` in it.
        case external(String)
    }

    /// What this package's server runs on, and what turns it; by the name that `serve` knows.
    enum Setting: String, Sendable {
        /// The ring, on the server's thread.
        case ring = "ours"
        /// The ring, in a plain epoll loop of the program.
        case embedded
        /// The ring, in a C program's epoll loop, by the C interface.
        case fromC = "from-c"
        /// The engine for systems without io_uring, on the server's thread.
        case epoll = "ours-on-epoll"
    }

    /// How a loop ends a connection.
    enum Steps: Sendable {
        /// Send, close. A client that spoke unasked is reset, and may lose the answer.
        case plain
        /// As nb-server does: the last bytes and the FIN in one segment, and no unread input when it closes.
        case finishing
    }

    var isExternal: Bool {
        if case .external = program { true } else { false }
    }

    /// Why it cannot serve on several threads that share a port; nil if it can.
    var reasonNotToBeShards: String? {
        switch program {
        case .ours(.ring), .ours(.epoll), .loop: nil
        case .external(let command): command.contains(Self.shardsMark) ? nil : "it is not told {shards}"
        case .ours(.embedded), .ours(.fromC): "it is turned by one loop"
        case .nio, .nioBehindOurs: "it has loops of its own"
        }
    }

    /// Of a loop in C that ends connections as nb-server does.
    var isFinishing: Bool {
        if case .loop(_, _, .finishing) = program { true } else { false }
    }

    /// The loop in C that nb-server is to be compared with, step by step; where it does not take part, the plain one.
    var sameInC: [String] {
        switch program {
        case .ours(.ring), .ours(.embedded), .ours(.fromC): [Contender.finishing, Contender.ceiling]
        case .ours(.epoll): [Contender.epollFinishing.name, Contender.epoll.name]
        case .loop, .nio, .nioBehindOurs, .external: []
        }
    }
}

extension Contender {
    /// The ceiling, with which the others are compared.
    static let ceiling = "ring"
    /// Another process of the ceiling's program with the ceiling's options: what an equal scores.
    static let control = "ring, again"

    static let ours = Contender(
        name: "ours",
        summary: "nb-server, with its defaults",
        program: .ours(.ring)
    )
    static let embedded = Contender(
        name: "ours, embedded",
        summary: "nb-server in a plain epoll loop",
        program: .ours(.embedded)
    )
    static let fromC = Contender(
        name: "ours, from C",
        summary: "nb-server in a C program's epoll loop, which ends connections in the same steps",
        program: .ours(.fromC),
        reasonNotToBeCalled: "the C interface has no calls"
    )
    static let oursOnEpoll = Contender(
        name: "ours, on epoll",
        summary: "nb-server on its other engine",
        program: .ours(.epoll)
    )
    /// Ours, with limits and rules that every client passes.
    static let admissions = OurAdmission.allCases.map { admission in
        var contender = Contender(name: "ours, \(admission.words)", summary: admission.summary, program: .ours(.ring))
        contender.admission = admission
        contender.base = admission.base.map { "ours, \($0.words)" } ?? ours.name
        return contender
    }

    static let epoll = Contender(
        name: "epoll",
        summary: "C, epoll and accept4, level-triggered, one thread",
        program: .loop("epoll", depth: nil)
    )
    static let epollFinishing = Contender(
        name: "epoll, finishing",
        summary: "the same; answer and FIN in one segment, and it looks for unread input before closing",
        program: .loop("epoll", depth: nil, .finishing)
    )
    static let blocking = Contender(
        name: "blocking",
        summary: "C, blocking accept4, a thread per listener",
        program: .loop("blocking", depth: nil),
        reasonNotToBeCalled: "it blocks in accept; nobody can call it"
    )
    static let nio = Contender(name: "nio", summary: "SwiftNIO on epoll, one event loop", program: .nio(loops: nil))
    /// Two loops on the servers' one CPU: what the split itself costs.
    static let nioLoops = Contender(
        name: "nio, a listener a loop",
        summary: "SwiftNIO on epoll, two event loops, each with a listener of its own (SO_REUSEPORT)",
        program: .nio(loops: 2)
    )

    static let nioBehindOurs = Contender(
        name: "nio, behind ours",
        summary: "SwiftNIO on epoll, one event loop; nb-server accepts for it, on a thread of its own",
        program: .nioBehindOurs
    )

    /// The multishot loop with so many completions; the depth is chosen before the comparison.
    static func ring(_ name: String, depth: Int, _ steps: Steps = .plain) -> Contender {
        let what =
            switch steps {
            case .plain: "C, io_uring, multishot accept, one thread"
            case .finishing: "the same; answer and FIN in one segment, and it looks for unread input before closing"
            }
        return Contender(name: name, summary: "\(what), depth \(depth)", program: .loop("ring", depth: depth, steps))
    }

    static let finishing = "ring, finishing"

    /// What `--contender` knows, but for those that are external.
    static let names =
        [
            ours.name, embedded.name, fromC.name, oursOnEpoll.name,
        ] + admissions.map(\.name) + [
            ceiling, control, finishing, epoll.name,
            epollFinishing.name,
            blocking.name, nio.name, nioLoops.name, nioBehindOurs.name,
        ]

    /// Those that take part only with `--full`, or when they are named.
    static let extra = [embedded.name, fromC.name, oursOnEpoll.name, nio.name, nioLoops.name, nioBehindOurs.name]

    /// The plain ones, as `serve` starts them.
    static func named(_ name: String, depth: Int = 256) -> Contender? {
        if let contender = admissions.first(where: { $0.name == name }) { return contender }
        return switch name {
        case ours.name: ours
        case embedded.name, Setting.embedded.rawValue: embedded
        case fromC.name, Setting.fromC.rawValue: fromC
        case oursOnEpoll.name, Setting.epoll.rawValue: oursOnEpoll
        case ceiling, control: ring(name, depth: depth)
        case finishing, "finishing": ring(finishing, depth: depth, .finishing)
        case epoll.name: epoll
        case epollFinishing.name, "epoll-finishing": epollFinishing
        case blocking.name: blocking
        case nio.name: nio
        case nioLoops.name, "nio-loops": nioLoops
        case nioBehindOurs.name, "nio-behind-ours": nioBehindOurs
        default: nil
        }
    }
}
