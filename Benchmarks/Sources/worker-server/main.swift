@preconcurrency import Glibc
import NBServer

// A server of workers, for comparisons: sends back what it receives, always, or once to every connection.

/// Goes on.
struct Echo: ConnectionWorker {
    static let options = WorkerOptions(receiving: .continuous)

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.send(bytes)
    }
}

/// Answers once and closes.
struct Turnaround: ConnectionWorker {
    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.send(bytes)
        connection.close()
    }
}

struct EchoServer: NonBlockingServer {
    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
}

struct TurnaroundServer: NonBlockingServer {
    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Turnaround {
        Turnaround()
    }
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count >= 2, let depth = arguments.dropFirst(2).first.map({ Int($0) }) ?? 256 else {
    fputs("usage: worker-server continuous|close ADDRESS [COMPLETIONS]\n", stderr)
    exit(1)
}
do {
    let address = Endpoint(arguments[2])
    let options = ServerOptions(quantum: depth, engine: .ring)
    switch arguments[1] {
    case "close": try Server(TurnaroundServer(), listening: address, options: options).run()
    default: try Server(EchoServer(), listening: address, options: options).run()
    }
} catch {
    fputs("worker-server: \(error)\n", stderr)
    exit(1)
}
