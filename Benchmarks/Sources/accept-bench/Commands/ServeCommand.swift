import ArgumentParser
import Foundation
import LoopbackClient
import Measuring

/// Runs one contender alone.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "Run one of the servers alone: ours, embedded, from-c, ours-on-epoll, ring, finishing, epoll, epoll-finishing, blocking, nio, nio-loops or nio-behind-ours.",
        discussion: """
            Prints where it listens, and when it is ended (Ctrl-C) how many connections it has accepted.

            Examples:
              accept-bench serve ours --listen 0.0.0.0:7777 --work banner
              accept-bench serve ring --listen 127.0.0.1:7777 --work turnaround --depth 4096
            """
    )

    @Argument(
        help:
            "Which: ours, embedded, from-c, ours-on-epoll, ring, finishing, epoll, epoll-finishing, blocking, nio, nio-loops or nio-behind-ours."
    )
    var name: String

    @Option(help: "IPv4 address and port; port 0 for any free one.")
    var listen = "127.0.0.1:7777"

    @Option(help: "Listen on so many ports, from that one upwards.")
    var listeners = 1

    @Option(help: "Threads, each with a loop and listeners of its own: ours, ours-on-epoll, and the loops in C.")
    var shards = 1

    @Option(help: "Of ours, what each client is asked: limits, rates, rule, rules or sources. All are let in.")
    var admission: OurAdmission?

    @Option(help: "What to do with a connection: none, banner, turnaround, limited or hold.")
    var work = Work.banner

    @Option(help: "How many completions the ring takes at a time.")
    var depth = 256

    @Option(help: "Call the server from another thread every so many microseconds, and print how long that took.")
    var callInterval = 0

    func validate() throws {
        try Bounds.check("--listeners", [listeners], Bounds.listeners)
        try Bounds.check("--depth", [depth], Bounds.depth)
        try Bounds.check("--call-interval", [callInterval], Bounds.callInterval)
        try Bounds.check("--shards", [shards], Bounds.threads)
        guard let contender = Contender.named(name) else { throw ValidationError("there is no '\(name)' to serve") }
        if shards > 1, let reason = contender.reasonNotToBeShards {
            throw ValidationError("'\(name)' has no shards: \(reason)")
        }
        if admission != nil {
            guard case .ours(let setting) = contender.program, setting != .fromC else {
                throw ValidationError("--admission is for ours, ours-on-epoll and embedded, not for '\(name)'")
            }
        }
        _ = try options()
    }

    func run() throws {
        _ = try Preflight.raiseDescriptorLimit()
        guard let contender = Contender.named(name, depth: depth) else { return }
        if case .ours(let setting) = contender.program, setting != .fromC {
            return try OurServer(options: options(), setting: setting, admission: admission).run()
        }
        // In this process's place, so that signals and the exit status are its own.
        let command = try contender.command(try options())
        let arguments = command.map { strdup($0) } + [nil]
        execv(command[0], arguments)
        throw Failure(call: command[0])
    }

    private func options() throws -> ServeOptions {
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw ValidationError("not an address and port, such as 127.0.0.1:7777: '\(listen)'")
        }
        return ServeOptions(
            host: String(listen[..<colon]),
            port: port,
            listeners: listeners,
            shards: shards,
            work: work,
            callInterval: callInterval
        )
    }
}
