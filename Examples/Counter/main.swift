import NBServer

struct Counter: NonBlockingServer {
    enum Call { case served(Caller<Int>) }
    var served = 0
    mutating func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
        served += 1
        connection.send("you are number \(served)\n")
        return .continue
    }
    mutating func handleCall(_ call: Call, _ context: borrowing ServerContext) -> Verdict {
        if case .served(let caller) = call { caller.reply(served) }
        return .continue
    }
}

let server = try Server(Counter(), listening: "127.0.0.1:0")
try server.start()
print("listening on \(server.addresses[0]); return asks, and reset starts afresh")
while let line = readLine() {
    if line == "reset" { try await server.withState { $0.served = 0 } }
    print(try await server.call(Counter.Call.served), "served")
}
await server.stop()
