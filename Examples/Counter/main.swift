// A server that counts its clients, to show calls and casts: messages from outside, which the server handles one at a time
// between its other callbacks, so that its state needs no lock. A call has an answer, whose type is the `Caller`'s; a cast has
// none.
//
// Here the messages come from the terminal. The server also serves without a terminal, in the background or after the end of its input.

import ExampleProgram
import NBServer

struct Counter: NonBlockingServer {
    enum Call { case served(Caller<Int>) }
    enum Cast { case reset }

    var served = 0

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        served += 1
        connection.send("you are number \(served)\n")
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .served(let caller): caller.reply(served)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .reset: served = 0
        }
        return .continue
    }
}

let program = Program(
    "counter",
    listening: "127.0.0.1:7003",
    purpose: "  nc 127.0.0.1 7003                 be counted",
    hint: "press Return to see how many clients were served; type reset and press Return to start again at 0"
)
program.run {
    let server = try Server(Counter(), listening: $0, observer: $1)
    Task.detached {
        while let line = nextLine() {
            if line == "reset" { try server.cast(.reset) }
            print("\(try await server.call(Counter.Call.served)) served")
        }
    }
    return server
}
