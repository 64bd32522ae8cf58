import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Servers one after the other: the end of one leaves nothing in the way of the next.
@Suite(.serialized) struct RestartTests {
    @Test(arguments: KernelLevel.granted)
    func aHundredServersHaveTheSamePortOneAfterTheOther(on level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [level] in
            try await KernelScenario.run(on: level) {
                var endpoint: Endpoint = "127.0.0.1:0"
                for number in 1...100 {
                    let server = try RunningServer(level: level, listening: endpoint) { connection, _ in
                        connection.send("\(number)")
                    }
                    endpoint = Endpoint(server.address.description)
                    expect(try Client(server.address).readToEnd(), is: .end("\(number)"), "the client")
                    expect(try server.stop().counters.delivered, is: 1, "delivered")
                }
            }
        }
    }

    @Test(arguments: KernelLevel.granted)
    func fiveHundredServersAreStartedAndStopped(on level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [level] in
            try await KernelScenario.run(on: level) {
                for _ in 0..<500 {
                    let server = try RunningServer(level: level) { _, _ in }
                    expect(try server.stop().counters.accepted, is: 0, "accepted")
                    expect(server.terminations, is: 1, "terminations")
                }
            }
        }
    }
}
