// A server that counts its clients, to show calls and casts: messages from outside, which the server handles one at a time
// between its other callbacks, so that its state needs no lock. A call has an answer, whose type is the `Caller`'s; a cast has
// none.
//
// Here the messages come from the terminal: an empty line asks for the count, and `reset` sets it to 0 before it asks.

import NBServer

struct Counter: NonBlockingServer {
    enum Call { case served(Caller<Int>) }
    enum Cast { case reset }

    var served = 0

    mutating func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
        served += 1
        connection.send("you are number \(served)\n")
        return .continue
    }

    func handleCall(_ call: Call, _ context: borrowing ServerContext) -> Verdict {
        switch call {
        case .served(let caller): caller.reply(served)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, _ context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .reset: served = 0
        }
        return .continue
    }
}

let server = try Server(Counter(), listening: "127.0.0.1:0")
try server.start()
print("listening on \(server.addresses[0])")
print("press Return to see how many clients were served; type reset and press Return to start again at 0")
while let line = readLine() {
    if line == "reset" { try server.cast(.reset) }
    let served = try await server.call(Counter.Call.served)
    print("\(served) served")
}
await server.stop()
