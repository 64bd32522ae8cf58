@preconcurrency import Glibc
import NBServer
import NBServerLifecycle
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Testing

/// A server as a service: what a graceful shutdown, a cancellation and a failure come to, and when.
@Suite(.timeLimit(.minutes(2))) struct LifecycleTests {
    private let journal = Journal<String>()

    private func server(_ keeper: Keeper? = nil) throws -> Server<Keeper> {
        try Server(keeper ?? Keeper(journal: journal), listening: "127.0.0.1:0")
    }

    @Test func aGracefulShutdownDrains() async throws {
        let server = try server()
        try await testGracefulShutdown { trigger in
            async let end: Void = server.run()
            await journal.wait { $0 == ["begins"] }
            let client = Held(try Client(server.addresses[0]))
            #expect(try await client.readToEnd() == "hello\n")
            trigger.triggerGracefulShutdown()
            try await end
        }
        #expect(journal.entries == ["begins", "connection", "drains", "ended: drained"])
    }

    @Test func beforeItRunsAGracefulShutdownDrainsWhoWaits() async throws {
        let server = try server()
        let client = Held(try Client(server.addresses[0]))
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            try await server.run()
        }
        #expect(try await client.readToEnd() == "hello\n")
        #expect(journal.entries.sorted() == ["begins", "connection", "drains", "ended: drained"])
    }

    @Test func clientsThatWaitMayBeReset() async throws {
        let server = try server()
        let client = Held(try Client(server.addresses[0]))
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            try await server.service(queued: .reset).run()
        }
        #expect(try await client.readToEnd() == nil)
        #expect(journal.entries == ["begins", "drains", "ended: drained"])
    }

    @Test func aSecondGracefulShutdownChangesNothing() async throws {
        let server = try server(Keeper(journal: journal, keeps: true))
        try await testGracefulShutdown { trigger in
            async let end: Void = server.service(drainingWithin: .milliseconds(50)).run()
            let client = Held(try Client(server.addresses[0]))
            await journal.wait { $0.count == 2 }
            trigger.triggerGracefulShutdown()
            trigger.triggerGracefulShutdown()
            try await end
            #expect(try await client.readToEnd() == "hello\n")
            trigger.triggerGracefulShutdown()
        }
        #expect(
            journal.entries == [
                "begins", "connection", "drains", "ended: drained, but for 1 connections that had not ended in time",
            ]
        )
    }

    @Test func duringBeginAGracefulShutdownWaitsForIt() async throws {
        let gate = Gate()
        let server = try server(
            Keeper(journal: journal) {
                gate.wait()
                return .continue
            }
        )
        try await testGracefulShutdown { trigger in
            async let end: Void = server.run()
            await journal.wait { $0 == ["begins"] }
            trigger.triggerGracefulShutdown()
            gate.open()
            try await end
        }
        #expect(journal.entries == ["begins", "drains", "ended: drained"])
    }

    @Test func aCancellationStops() async throws {
        let server = try server()
        let task = Task { try await server.run() }
        await journal.wait { $0 == ["begins"] }
        task.cancel()
        try await task.value
        #expect(journal.entries == ["begins", "ended: stop requested"])
    }

    @Test func beforeItRunsACancellationKeepsItFromRunning() async throws {
        let server = try server()
        let client = Held(try Client(server.addresses[0]))
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await server.run()
        }
        task.cancel()
        try await task.value
        #expect(journal.entries == [])
        #expect(try await client.readToEnd() == nil)
    }

    @Test func duringBeginACancellationWaitsForIt() async throws {
        let gate = Gate()
        let server = try server(
            Keeper(journal: journal) {
                gate.wait()
                return .continue
            }
        )
        let task = Task { try await server.run() }
        await journal.wait { $0 == ["begins"] }
        task.cancel()
        gate.open()
        try await task.value
        #expect(journal.entries == ["begins", "ended: stop requested"])
    }

    @Test func aCancellationEndsADrain() async throws {
        let server = try server(Keeper(journal: journal, keeps: true))
        let client = Held(try Client(server.addresses[0]))
        try await testGracefulShutdown { trigger in
            let task = Task { try await server.service(drainingWithin: .seconds(3600)).run() }
            await journal.wait { $0.count == 2 }
            trigger.triggerGracefulShutdown()
            await journal.wait { $0.last == "drains" }
            task.cancel()
            try await task.value
        }
        #expect(try await client.readToEnd() == "hello\n")
        #expect(journal.entries == ["begins", "connection", "drains", "ended: stop requested"])
    }

    @Test func aServerThatCannotBeginThrows() async throws {
        let declining = try server(Keeper(journal: journal) { .stop })
        await #expect { try await declining.run() } throws: { ($0 as? ServerError)?.code == .declined }
        let failing = try server(Keeper(journal: journal) { throw Keeper.Mishap() })
        await #expect { try await failing.run() } throws: { ($0 as? ServerError)?.code == .beginFailed }
    }

    @Test func aServerThatFailsThrowsWhatItFailedWith() async throws {
        let server = try server()
        try server.cast(.fail)
        await #expect(throws: Keeper.Mishap()) { try await server.run() }
        await #expect { try await server.run() } throws: { ($0 as? ServerError)?.code == .alreadyRan }
    }

    /// To the service group it is a service that has ended early, which ends the group.
    @Test func aServerThatStopsByItselfIsNoErrorOfItsOwn() async throws {
        let server = try server()
        try server.cast(.stop)
        try await server.run()
        #expect(journal.entries == ["begins", "ended: stopped by the behavior: enough"])
    }

    @Test func aGroupIsOneService() async throws {
        let options = GroupOptions(shards: 3)
        let journal = journal
        let group = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in Keeper(journal: journal) }
        try await testGracefulShutdown { trigger in
            async let end: Void = group.run()
            await journal.wait { $0 == ["begins", "begins", "begins"] }
            trigger.triggerGracefulShutdown()
            try await end
        }
        #expect(journal.entries.filter { $0 == "ended: drained" }.count == 3)
    }

    @Test func beforeItRunsAGracefulShutdownDrainsAGroup() async throws {
        let options = GroupOptions(shards: 2)
        let journal = journal
        let group = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in Keeper(journal: journal) }
        let clients = try (0..<8).map { _ in Held(try Client(group.addresses[0])) }
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            try await group.run()
        }
        for client in clients { #expect(try await client.readToEnd() == "hello\n") }
        #expect(journal.entries.filter { $0 == "connection" }.count == 8)
    }

    @Test func aGroupDrainsAsItsServiceSays() async throws {
        let options = GroupOptions(shards: 2)
        let journal = journal
        let resetting = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in Keeper(journal: journal) }
        let waiting = Held(try Client(resetting.addresses[0]))
        try await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            try await resetting.service(queued: .reset).run()
        }
        #expect(try await waiting.readToEnd() == nil)
        let keeping = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in
            Keeper(journal: journal, keeps: true)
        }
        let kept = Held(try Client(keeping.addresses[0]))
        try await testGracefulShutdown { trigger in
            async let end: Void = keeping.service(drainingWithin: .milliseconds(50)).run()
            await journal.wait { $0.contains("connection") }
            trigger.triggerGracefulShutdown()
            try await end
        }
        #expect(try await kept.readToEnd() == "hello\n")
        let unfinished = "ended: drained, but for 1 connections that had not ended in time"
        #expect(journal.entries.filter { $0 == unfinished }.count == 1)
    }

    @Test func aShardThatFailsFailsTheService() async throws {
        let options = GroupOptions(shards: 2)
        let journal = journal
        let group = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in Keeper(journal: journal) }
        try group.shards[1].cast(.fail)
        await #expect(throws: Keeper.Mishap()) { try await group.run() }
    }
}
