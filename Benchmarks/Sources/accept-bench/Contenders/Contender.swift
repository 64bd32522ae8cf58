/// A server that takes part: how it is started, and what it cannot do.
struct Contender: Sendable {
    /// How it is called in tables and by `--contender`.
    let name: String
    let summary: String
    let program: Program
    /// Why it cannot take part in a scenario that calls it.
    var reasonNotToBeCalled: String?
    /// Of an external one: whether it sends something before it is asked.
    var speaksFirst = false

    enum Program: Sendable {
        /// This package's server, in a process of this same program.
        case ours(Setting)
        /// One of the C loops: its name, and how many completions or events it takes at a time.
        case loop(String, depth: Int?, Steps = .plain)
        case nio
        /// Anything else: a command with `{port}` in it.
        case external(String)
    }

    /// What this package's server runs on, and what turns it; by the name that `serve` knows.
    enum Setting: String, Sendable {
        /// The ring, on the server's thread.
        case ring = "ours"
        /// The ring, in a plain epoll loop of the program.
        case embedded
        /// The engine for systems without io_uring, on the server's thread.
        case epoll = "ours-on-epoll"
    }

    /// What a loop does beyond the plainest.
    enum Steps: Sendable {
        case plain
        /// It sends the answer in one segment with the end of the stream.
        case merged
        /// It also looks for unread input before closing: both as nb-server does, the first when it has a crowd.
        case checked
    }

    var isExternal: Bool {
        if case .external = program { true } else { false }
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
    static let oursOnEpoll = Contender(
        name: "ours, on epoll",
        summary: "nb-server on its other engine",
        program: .ours(.epoll)
    )
    static let epoll = Contender(
        name: "epoll",
        summary: "C, epoll and accept4, level-triggered, one thread",
        program: .loop("epoll", depth: nil)
    )
    static let blocking = Contender(
        name: "blocking",
        summary: "C, blocking accept4, a thread per listener",
        program: .loop("blocking", depth: nil),
        reasonNotToBeCalled: "it blocks in accept; nobody can call it"
    )
    static let nio = Contender(name: "nio", summary: "SwiftNIO on epoll, one event loop", program: .nio)

    /// The multishot loop with so many completions; the depth is chosen before the comparison.
    static func ring(_ name: String, depth: Int, _ steps: Steps = .plain) -> Contender {
        let what =
            switch steps {
            case .plain: "C, io_uring, multishot accept, one thread"
            case .merged: "the same, answer and end of the stream in one segment"
            case .checked: "as merged, and it looks for unread input before closing"
            }
        return Contender(name: name, summary: "\(what), depth \(depth)", program: .loop("ring", depth: depth, steps))
    }

    static let merged = "ring, merged"
    static let checked = "ring, checked"

    /// What `--contender` knows, but for those that are external.
    static let names = [
        ours.name, embedded.name, oursOnEpoll.name, ceiling, control, merged, checked, epoll.name, blocking.name,
        nio.name,
    ]

    /// Those that take part only with `--full`, or when they are named.
    static let extra = [embedded.name, oursOnEpoll.name, checked, nio.name]

    /// The plain ones, as `serve` starts them.
    static func named(_ name: String, depth: Int = 256) -> Contender? {
        switch name {
        case ours.name: ours
        case embedded.name, Setting.embedded.rawValue: embedded
        case oursOnEpoll.name, Setting.epoll.rawValue: oursOnEpoll
        case ceiling, control: ring(name, depth: depth)
        case merged, "merged": ring(merged, depth: depth, .merged)
        case checked, "checked": ring(checked, depth: depth, .checked)
        case epoll.name: epoll
        case blocking.name: blocking
        case nio.name: nio
        default: nil
        }
    }
}
