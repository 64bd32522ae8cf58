@preconcurrency import Glibc
import NBServer

struct Echo: ConnectionWorker {
    func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
        if connection.send(bytes) { connection.receive() }
    }
    func writable(_ connection: borrowing WorkerConnection) {
        connection.receive()
    }
}

struct EchoServer: NonBlockingServer {
    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Echo { Echo() }
}

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "--help" { exit(puts("usage: echo [ADDRESS …], as in: echo 127.0.0.1:7007") == EOF ? 1 : 0) }
do {
    let server = try Server(
        EchoServer(),
        listening: arguments.isEmpty ? ["127.0.0.1:7007"] : arguments.map { Endpoint($0) }
    )
    for address in server.addresses { print("listening on \(address)") }
    fflush(stdout)
    try server.run(stoppingOn: [.interrupt, .terminate])
} catch {
    fputs("echo: \(error)\n", stderr)
    exit(1)
}
