// The smallest server: it tells everybody who connects "No soup for you!" and closes the connection.
//
// `newConnection` is the one callback that a server must have. `begin` is here because port 0 means "a port that is free", and
// whoever asks for it wants to know which one it is.

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
        // An operator wants to know why there is no ring.
        if context.engine.kind != .ring { fputs("soup: running on \(context.engine)\n", stderr) }
        return .continue
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }
}

let usage = """
    usage: soup [ADDRESS …]

      soup                           listen on 127.0.0.1:7777
      soup 127.0.0.1:7777 [::1]:0    listen on two addresses; port 0 is a port that is free

      nc 127.0.0.1 7777              see what clients are told
    """

let arguments = CommandLine.arguments.dropFirst()
if arguments == ["--help"] {
    print(usage)
    exit(0)
}

// Without this, a reader of the standard output that leaves would end the server.
signal(SIGPIPE, SIG_IGN)
let addresses = arguments.isEmpty ? ["127.0.0.1:7777"] : arguments.map { Endpoint($0) }
do {
    let server = try Server(NoSoup(), listening: addresses)
    try server.run(drainingOn: [.terminate], stoppingOn: [.interrupt])
} catch {
    fputs("soup: \(error)\n", stderr)
    exit(1)
}
