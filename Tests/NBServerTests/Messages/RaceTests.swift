import Glibc
import Synchronization
import Testing

@testable import NBServer

/// Everything at once, from eight threads: whatever is asked has an answer, and nothing is counted twice. For the thread
/// sanitizer, and for whoever believes in locks.
@Suite(.serialized) struct RaceTests {
    /// What a thread has done.
    private struct Tally {
        var answers = 0
        var casts = 0
        var refusals = 0
    }

    private static let threadCount = 8

    /// Runs the bodies on threads of their own, each with its number.
    private func onThreads(_ body: @escaping @Sendable (Int) -> Tally) async throws -> Tally {
        let outcomes = (0..<Self.threadCount).map { _ in Outcome<Tally>() }
        for (number, outcome) in outcomes.enumerated() { try startThread { outcome.resolve(body(number)) } }
        var sum = Tally()
        for outcome in outcomes {
            let tally = await outcome.resolved()
            sum.answers += tally.answers
            sum.casts += tally.casts
            sum.refusals += tally.refusals
        }
        return sum
    }

    @Test func callsAndCastsRaceWithTheStopOfTheirServer() async throws {
        for _ in 0..<100 {
            let total = Record<Int>()
            var clerk = Clerk()
            clerk.onEnd = { clerk, _, _ in total.append(clerk.total) }
            let server = try Server(clerk, listening: [])
            try await server.start()
            let tally = try await onThreads { number in
                var tally = Tally()
                for round in 0..<20 {
                    do throws(CastError) {
                        try server.cast(.add(1))
                        tally.casts += 1
                    } catch {
                        tally.refusals += 1
                    }
                    do throws(CallError) {
                        _ = try server.callBlocking(Clerk.Call.total, within: nil)
                        tally.answers += 1
                    } catch {
                        tally.refusals += 1
                    }
                    if number == 0 && round == 10 { server.requestStop() }
                }
                return tally
            }
            await server.stop()
            #expect(tally.answers + tally.casts + tally.refusals == 320)
            // Ten rounds were over when the stop was asked for; what waited then was dropped.
            #expect(total.entries.count == 1)
            #expect((10...tally.casts).contains(total.entries[0]))
            #expect(server.mailbox.count == 0)
        }
    }

    @Test func everythingIsAskedOfAServerAtOnce() async throws {
        let total = Record<Int>()
        var clerk = Clerk.greeter
        clerk.onEnd = { clerk, _, _ in total.append(clerk.total) }
        let server = try Server(clerk, listening: ["127.0.0.1:0"])
        let address = server.addresses[0]
        try await server.start()
        let rounds = 250
        let outcomes = (0..<Self.threadCount).map { _ in Outcome<Int>() }
        for (number, outcome) in outcomes.enumerated() {
            Task {
                var casts = 0
                for round in 0..<rounds {
                    casts += await Self.ask(server, address, what: number + round)
                }
                outcome.resolve(casts)
            }
        }
        var casts = 0
        for outcome in outcomes { casts += await outcome.resolved() }
        try await server.resumeListener(on: address, within: nil)
        try await server.resumeMessages(within: nil)
        #expect(try await server.call(Clerk.Call.total, within: nil) == casts)
        #expect(try Client(address).readToEnd() == .end(Clerk.greeting))
        let status = try await server.status(within: nil)
        #expect(status.listeners.map(\.address) == [address])
        #expect(status.mailboxLength == 0)
        await server.stop()
        #expect(total.entries == [casts])
    }

    /// One of the things that can be asked; returns how many casts were sent.
    private static func ask(_ server: Server<Clerk>, _ address: SocketAddress, what: Int) async -> Int {
        do {
            switch what % 8 {
            case 0:
                for _ in 0..<10 { try server.cast(.add(1)) }
                return 10
            case 1:
                // A suspended server answers when it is resumed, which another sees to.
                _ = try? await server.call(Clerk.Call.total, within: .milliseconds(1))
            case 2:
                let added = try await server.addListener(on: "127.0.0.1:0", within: nil).address
                _ = try Client(added)
                try await server.removeListener(on: added, within: nil)
            case 3:
                try await server.pauseListener(on: address, within: nil)
                try await server.resumeListener(on: address, within: nil)
            case 4:
                try await server.suspendMessages(within: nil)
                try await server.resumeMessages(within: nil)
            case 5:
                let status = try await server.status(within: nil)
                if status.listeners.first?.address != address { Issue.record("the first listener is gone") }
            case 6:
                if try await server.withState(within: nil, { $0.total }) < 0 { Issue.record("a total below zero") }
            default:
                if server.addresses.first != address { Issue.record("the first address is gone") }
                try server.cast(.add(1))
                return 1
            }
        } catch {
            Issue.record(error)
        }
        return 0
    }

    /// Whoever asks while the server stops has an answer or hears why there is none.
    @Test func everythingIsAskedOfServersThatStop() async throws {
        for round in 0..<200 {
            let server = try Server(Clerk.greeter, listening: ["127.0.0.1:0"])
            let address = server.addresses[0]
            try await server.start()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<Self.threadCount {
                    group.addTask {
                        for step in 0..<4 {
                            switch (number + step) % 8 {
                            case 0: _ = try? await server.call(Clerk.Call.total, within: nil)
                            case 1: _ = try? await server.status(within: nil)
                            case 2: try? await server.removeListener(on: address, within: nil)
                            case 3: _ = try? await server.addListener(on: "127.0.0.1:0", within: nil)
                            case 4: _ = try? await server.withState(within: nil) { $0.total += 1 }
                            case 5: if step == round % 4 { server.requestStop() }
                            case 6: try? await server.pauseListener(on: address, within: nil)
                            default: _ = await server.drain(within: .milliseconds(1))
                            }
                        }
                        await server.stop()
                    }
                }
            }
            #expect(server.mailbox.count == 0)
            #expect(server.waitersForEnd == 0)
        }
    }

    @Test func limitsRaceWithAnswers() async throws {
        try await Clerk().serve { server in
            var answers = 0
            try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        var answers = 0
                        for round in 0..<200 {
                            let limit = Duration.microseconds((task * 37 + round) % 60)
                            do throws(CallError) {
                                _ = try await server.call(Clerk.Call.total, within: limit)
                                answers += 1
                            } catch {
                                guard case .timeout = error else { throw error }
                            }
                        }
                        return answers
                    }
                }
                for try await count in group { answers += count }
            }
            #expect((0...1600).contains(answers))
            _ = try await server.call(Clerk.Call.total)
            #expect(try await server.status().counters.messages == 1601)
        }
    }
}
