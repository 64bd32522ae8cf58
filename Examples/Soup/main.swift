@preconcurrency import Glibc
import NBServer

struct NoSoup: NonBlockingServer {
    func begin(_ context: borrowing ServerContext) -> Verdict {
        for address in context.addresses { print("listening on \(address)") }
        fflush(stdout)
        return .continue
    }
    func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }
}

let addresses = CommandLine.arguments.dropFirst().map { Endpoint($0) }
if addresses == ["--help"] { exit(puts("usage: soup [ADDRESS …], as in: soup 127.0.0.1:7777 [::1]:0") == EOF ? 1 : 0) }
do {
    let server = try Server(NoSoup(), listening: addresses.isEmpty ? ["127.0.0.1:7777"] : addresses)
    try server.run(stoppingOn: [.interrupt, .terminate])
} catch {
    fputs("soup: \(error)\n", stderr)
    exit(1)
}
