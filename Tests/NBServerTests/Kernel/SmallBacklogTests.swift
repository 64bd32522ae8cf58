import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A backlog that is too short for its crowd. All engines at once: they wait for the kernel's timers.
@Suite struct SmallBacklogTests {
    @Test(arguments: EngineChoice.granted)
    func whoFindsTheBacklogFullIsServedWhenTheKernelTriesAgain(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, socketOptions: [.backlog(4)], runsAtOnce: false) {
                    connection,
                    _ in connection.send("hello")
                }
                let clients = (0..<20).map { _ in Client(family: AF_INET) }
                for client in clients { try client.startConnecting(to: server.address) }
                // One more than the backlog's length is the kernel's way to count.
                expect(try ListeningDescriptor(of: server.address).queueLength, is: 5, "clients in the backlog")
                try server.run()
                for client in clients { try client.finishConnecting() }
                // Who takes itself for connected while the kernel had no room for it is heard at the latest when it speaks.
                for _ in 0..<1000 where server.deliveries < 20 { usleep(1000) }
                for client in clients { client.speakIfNothingComes(within: 0) }
                for client in clients { expect(try client.readToEnd(), is: .end("hello"), "a client") }
                expect(try server.stop().counters.delivered, is: 20, "delivered")
            }
        }
    }
}
