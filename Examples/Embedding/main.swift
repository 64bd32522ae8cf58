// A server in a loop that is there already: four programs with a loop of their own, in one. Each file shows one loop.
//
// The loop watches `embedded.descriptor`, and calls `embedded.turn()` when that is readable. Here it watches one thing more, a pipe that
// tells of signals, since an embedded server leaves them to its host. README.md has the same for loops in C, C++ and Python.

import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

struct NoSoup: NonBlockingServer {
    func begin(_ context: borrowing ServerContext) -> Verdict {
        for address in context.addresses { print("listening on \(address)") }
        fflush(stdout)
        if context.engine.kind != .ring { fputs("embedding: running on \(context.engine)\n", stderr) }
        return .continue
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tell(context.counters)
    }
}

func tell(_ counters: ServerCounters) {
    print("accepted \(counters.accepted), delivered \(counters.delivered), discarded \(counters.discarded)")
    fflush(stdout)
}

let usage = """
    usage: embedding HOST [ADDRESS …]

    HOST is the loop that turns the server: epoll, poll, dispatch or busy.

      embedding epoll                 a loop around epoll_wait(2), on 127.0.0.1:7777
      embedding poll 127.0.0.1:0      a loop around poll(2), on a port that is free
      embedding dispatch              Dispatch's main queue, which a run loop drains
      embedding busy                  a loop that never waits, for programs that spin anyway

      nc 127.0.0.1 7777               see what clients are told

    SIGTERM and Ctrl-C: serve the clients that wait, and end; the second time, end at once. SIGUSR1: print what was counted.
    """

let hosts: [String: @MainActor (EmbeddedServer, Server<NoSoup>, _ signals: Int32) -> StopReason] = [
    "epoll": serveInEpollLoop, "poll": serveInPollLoop, "dispatch": serveInDispatchLoop, "busy": serveInBusyLoop,
]

let arguments = CommandLine.arguments.dropFirst()
if arguments == ["--help"] {
    print(usage)
    exit(0)
}
guard let name = arguments.first, let host = hosts[name] else {
    fputs("embedding: \(arguments.first.map { "there is no host '\($0)'" } ?? "which host?")\n\(usage)\n", stderr)
    exit(1)
}

signal(SIGPIPE, SIG_IGN)
let addresses = arguments.count == 1 ? ["127.0.0.1:7777"] : arguments.dropFirst().map { Endpoint($0) }
do {
    let server = try Server(NoSoup(), listening: addresses)
    let signals = watchSignals()
    if case .failed(let error) = host(try server.embed(), server, signals) { throw error }
} catch {
    fputs("embedding: \(error)\n", stderr)
    exit(1)
}
