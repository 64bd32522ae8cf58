@preconcurrency import Glibc
import NBServer
import Testing

/// Each program of this package, asked by the clients that people use.
@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
    @Test(arguments: [SIGTERM, SIGINT]) func aServiceGroupServesUntilASignal(_ signal: Int32) throws {
        let program = try Program(built: "service-group", ["127.0.0.1:0"])
        let address = try program.address()
        for _ in 0..<3 { #expect(try output(of: "curl", "-s", "http://\(address)/") == "No soup for you!\n") }
        program.signal(signal)
        #expect(program.wait() == 0)
        let end = signal == SIGTERM ? "drained" : "stop requested"
        let lines = program.errors.split(separator: "\n")
        #expect(lines.contains { $0.contains("server ended") && $0.contains("nb.reason=\(end)") }, "\(program.errors)")
        #expect(lines.contains { $0.contains("server drains") } == (signal == SIGTERM))
    }

    /// A client that is being served when SIGTERM comes keeps its connection.
    @Test func aServiceGroupFinishesWhatIsUnderWay() throws {
        let program = try Program(built: "service-group", ["127.0.0.1:0"])
        let client = try Client(SocketAddress(try program.address()))
        client.send("GET / HT")
        // Its answer shows that the client before it was accepted.
        #expect(try output(of: "curl", "-s", "http://\(client.peer)/") == "No soup for you!\n")
        program.signal(SIGTERM)
        while !program.errors.contains("server drains") { sched_yield() }
        client.send("TP/1.1\r\n\r\n")
        #expect(try client.readToEnd()?.hasSuffix("No soup for you!\n") == true)
        #expect(program.wait() == 0)
    }

    @Test func aDashboardSaysWhatWasServed() throws {
        let program = try Program(built: "dashboard", ["127.0.0.1:0", "127.0.0.1:0"])
        let (address, page) = (try program.address(), try program.address())
        for _ in 0..<5 { #expect(try output(of: "curl", "-s", "http://\(address)/") == "No soup for you!\n") }
        var text = ""
        // The last batch is told within a second.
        while !text.contains("nb_server_connections_accepted 5\n") || !text.contains("nb_server_connections_open 0\n") {
            text = try output(of: "curl", "-s", "http://\(page)/metrics")
        }
        #expect(text.contains("# TYPE nb_server_connections_accepted counter\n"))
        #expect(text.contains("nb_server_connections_delivered 5\n"))
        #expect(text.contains("nb_server_listeners_open 1\n"))
        #expect(text.contains("nb_server_listeners_parked 0\n"))
        #expect(text.contains("nb_server_mailbox_length 0\n"))
        #expect(text.contains("# TYPE nb_server_longest_turn summary\n"))
        program.signal(SIGTERM)
        #expect(program.wait() == 0)
    }
}
