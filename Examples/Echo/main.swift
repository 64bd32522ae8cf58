// A server that sends everything back (RFC 862), to show the smallest worker. While its peer does not read, it is given nothing
// more, so that no bytes pile up.

import ExampleProgram
import NBServer

struct Echo: ConnectionWorker {
    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
}

Program("echo", listening: "127.0.0.1:7007", purpose: "  nc 127.0.0.1 7007             hear what you say").run {
    try Server(listening: $0, observer: $1) { _ in Echo() }
}
