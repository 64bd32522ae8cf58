import Glibc
import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// Messages among crowds of connections, on the real kernel.
@Suite(.serialized) struct MessageFairnessTests {
    private static let quantum: UInt64 = 256

    /// How many connections were delivered before a call was made, and before it was handled.
    private struct Wait {
        let start: UInt64
        let end: UInt64
    }

    @Test(arguments: EngineChoice.granted)
    func aCallDuringAFloodIsHandledWithinTwoQuanta(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                DescriptorLimit.raise()
                let (ready, waits) = (Gates(), Record<Wait>())
                var clerk = Clerk()
                clerk.onConnection = { clerk, connection, context in
                    connection.send(Clerk.greeting)
                    let delivered = context.counters.delivered
                    // The first callback, and some on the way: somebody calls while they run, and they go on when that is done.
                    guard delivered % 1000 == 1 else { return .continue }
                    clerk.total = Int(delivered)
                    ready.open(Int(delivered) / 1000)
                    while clerk.mailboxIsEmpty() { sched_yield() }
                    return .continue
                }
                let quantum = Int(Self.quantum)
                let mailbox = Outcome<Server<Clerk>>()
                clerk.mailboxIsEmpty = { mailbox.wait().mailbox.count == 0 }
                let server = try Server(
                    clerk,
                    listening: ["127.0.0.1:0", "127.0.0.1:0"],
                    options: ServerOptions(quantum: quantum, engine: EngineOptions(engine, submissionDepth: quantum))
                )
                mailbox.resolve(server)
                let flood = try Crowd(4000, at: server.addresses[0], server.addresses[1])
                let hasCalled = Gate()
                try startThread {
                    for round in 0..<8 {
                        ready.wait(round)
                        _ = try? server.callBlocking(
                            {
                                .perform(
                                    { clerk, caller, context in
                                        waits.append(
                                            Wait(start: UInt64(clerk.total), end: context.counters.delivered)
                                        )
                                        caller.reply(0)
                                        return .continue
                                    },
                                    $0
                                )
                            },
                            within: nil
                        )
                    }
                    hasCalled.open()
                }
                try await server.start()
                expect(try flood.endings(), is: [.end(Clerk.greeting): 8000], "the flood")
                hasCalled.wait()
                expect(waits.entries.map(\.start), is: (0..<8).map { UInt64($0 * 1000 + 1) }, "when was called")
                for wait in waits.entries {
                    let deliveries = wait.end - wait.start
                    expect(deliveries <= 2 * Self.quantum, "\(deliveries) deliveries before a call was handled")
                }
                await server.stop()
            }
        }
    }

    /// A row of gates, one for each time.
    private final class Gates: Sendable {
        private let gates = (0..<8).map { _ in Gate() }

        func open(_ number: Int) { gates[number].open() }
        func wait(_ number: Int) { gates[number].wait() }
    }

    /// The other way round: messages that never end do not keep clients waiting.
    @Test(arguments: EngineChoice.granted)
    func aServerThatIsSentMessagesAllTheTimeServesItsClients(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    // Each sends itself again.
                    for _ in 0..<1000 { try Self.repeatForEver(server) }
                    let crowd = try Crowd(300, at: server.addresses[0])
                    expect(try crowd.endings(), is: [.end(Clerk.greeting): 300], "the crowd")
                }
            }
        }
    }

    private static func repeatForEver(_ server: Server<Clerk>) throws(CastError) {
        try server.cast(
            .perform { _, _ in
                try? repeatForEver(server)
                return .continue
            }
        )
    }
}
