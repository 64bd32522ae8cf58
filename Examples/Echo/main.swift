// A server that sends everything back (RFC 862), to show the smallest worker that is good: one that does not read on while
// its peer does not, so that nobody's bytes pile up.

import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

struct Echo: ConnectionWorker {
    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.send(bytes)
        if connection.isWritable { connection.receive() }
    }
    func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
        connection.receive()
    }
}

struct EchoServer: NonBlockingServer {
    func begin(_ context: borrowing ServerContext) -> Verdict {
        for address in context.addresses { print("listening on \(address)") }
        fflush(stdout)
        if context.engine.kind != .ring { fputs("echo: running on \(context.engine)\n", stderr) }
        return .continue
    }
    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
}

let usage = """
    usage: echo [ADDRESS …]

      echo                        listen on 127.0.0.1:7007
      echo 127.0.0.1:0 [::1]:0    listen on ports that are free

      nc 127.0.0.1 7007           hear what you say
    """

let arguments = CommandLine.arguments.dropFirst()
if arguments == ["--help"] { exit(puts(usage) == EOF ? 1 : 0) }
// Without this, a reader of the standard output that leaves would end the server.
signal(SIGPIPE, SIG_IGN)
do {
    let addresses = arguments.isEmpty ? ["127.0.0.1:7007"] : arguments.map { Endpoint($0) }
    let server = try Server(EchoServer(), listening: addresses)
    try server.run(stoppingOn: [.interrupt, .terminate])
} catch {
    fputs("echo: \(error)\n", stderr)
    exit(1)
}
