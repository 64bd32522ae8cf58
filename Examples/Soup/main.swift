// The smallest server: it tells everybody who connects "No soup for you!" and closes the connection. `newConnection` is the one callback
// that a server must have.

import ExampleProgram
import NBServer

struct NoSoup: NonBlockingServer {
    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }
}

Program("soup", listening: "127.0.0.1:7777", purpose: "  nc 127.0.0.1 7777             see what clients are told").run {
    try Server(NoSoup(), listening: $0, observer: $1)
}
