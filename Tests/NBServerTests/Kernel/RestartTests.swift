import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Servers one after the other: the end of one leaves nothing in the way of the next.
@Suite(.serialized) struct RestartTests {
    @Test(arguments: EngineChoice.granted)
    func aHundredServersHaveTheSamePortOneAfterTheOther(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var endpoint: Endpoint = "127.0.0.1:0"
                for number in 1...100 {
                    let server = try RunningServer(engine: engine, listening: endpoint) { connection, _ in
                        connection.send("\(number)")
                    }
                    endpoint = Endpoint(server.address.description)
                    expect(try Client(server.address).readToEnd(), is: .end("\(number)"), "the client")
                    expect(try server.stop().counters.delivered, is: 1, "delivered")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func fiveHundredServersAreStartedAndStopped(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for _ in 0..<500 {
                    let server = try RunningServer(engine: engine) { _, _ in }
                    expect(try server.stop().counters.accepted, is: 0, "accepted")
                    expect(server.terminations, is: 1, "terminations")
                }
            }
        }
    }
}
