import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Servers that do something else than wait when descriptors run out.
@Suite struct ExhaustionOptionTests {
    @Test(arguments: EngineChoice.granted)
    func clientsAreResetWhileThereIsNoRoomAndServedAgainAfterwards(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, whenExhausted: .shed) { connection, context in
                    connection.send("hello")
                    if context.counters.delivered <= 10 { _ = context.keep(connection) }
                }
                // Their sockets have to be there before there is no room for any.
                let (staying, shed) = (Client.unconnected(10), Client.unconnected(20))
                let last = Client(family: AF_INET)
                for client in staying {
                    try client.connect(to: server.address)
                    expect(try client.read(5), is: "hello", "one of the first")
                }
                let fillers = DescriptorLimit.fill()
                for client in shed {
                    try client.connect(to: server.address)
                    expect(try client.readToEnd(), is: .reset, "one for whom there is no room")
                }
                for filler in fillers { close(filler) }
                try last.connect(to: server.address)
                expect(try last.readToEnd(), is: .end("hello"), "the one who found room again")
                let end = try server.stop()
                expect(end.counters.delivered, is: 11, "delivered")
                expect(end.counters.discarded, is: 20, "discarded")
                expect(end.counters.shed, is: 20, "shed")
                expect(server.reports, is: [.shedding(errno: EMFILE), .recovered], "reports")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aServerThatIsToStopAtExhaustionStops(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, whenExhausted: .stop) { connection, _ in
                    connection.send("hello")
                }
                let (first, last) = (Client(family: AF_INET), Client(family: AF_INET))
                try first.connect(to: server.address)
                expect(try first.readToEnd(), is: .end("hello"), "the first")
                let fillers = DescriptorLimit.fill()
                try last.connect(to: server.address)
                try KernelScenario.wait(for: "the server's end") { server.terminations == 1 }
                for filler in fillers { close(filler) }
                let end = try server.stop()
                expect(try last.readToEnd(), is: .reset, "the one who waited")
                guard case .failed(let error as ServerError) = end.reason else { return expect(false, "\(end.reason)") }
                expect(error.code, is: .outOfResources, "the reason")
                expect(end.counters.delivered, is: 1, "delivered")
                expect(server.reports, is: [.parked(errno: EMFILE)], "reports")
            }
        }
    }
}

extension Client {
    fileprivate static func unconnected(_ count: Int) -> [Client] {
        (0..<count).map { _ in Client(family: AF_INET) }
    }
}
