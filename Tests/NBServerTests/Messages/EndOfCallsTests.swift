import Testing

@testable import NBServer

/// Every call ends, whatever becomes of the server.
@Suite struct EndOfCallsTests {
    private static let failed = "the server has stopped: failed: Trouble()"

    @Test func anErrorOfACallStopsTheServerAndItsCallerHearsOfIt() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let error = await failure {
            try await server.call({ .perform({ _, _, _ in throw Clerk.Trouble() }, $0) }, within: nil)
        }
        #expect(error == Self.failed)
        #expect(await server.waitForEnd().description == "failed: Trouble()")
    }

    /// A reply that was made before the error counts.
    @Test func aReplyBeforeAnErrorArrives() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let answer = try await server.call {
            .perform(
                { _, caller, _ in
                    caller.reply(8)
                    throw Clerk.Trouble()
                },
                $0
            )
        }
        #expect(answer == 8)
        #expect(await server.waitForEnd().description == "failed: Trouble()")
    }

    @Test func anErrorOfACastStopsTheServer() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        try server.cast(.perform { _, _ in throw Clerk.Trouble() })
        #expect(await server.waitForEnd().description == "failed: Trouble()")
    }

    @Test func anErrorOfAnInfoStopsTheServer() async throws {
        var clerk = Clerk()
        clerk.onInfo = { _, _, _ in throw Clerk.Trouble() }
        let server = try Server(clerk, listening: [])
        try await server.start()
        try server.cast(.perform { _, _ in .continue(timeout: .zero) })
        #expect(await server.waitForEnd().description == "failed: Trouble()")
    }

    @Test func anErrorOfAContinueStopsTheServer() async throws {
        var clerk = Clerk()
        clerk.onContinue = { _, _ in throw Clerk.Trouble() }
        let server = try Server(clerk, listening: [])
        try await server.start()
        try server.cast(.perform { _, _ in .handleContinue })
        #expect(await server.waitForEnd().description == "failed: Trouble()")
    }

    @Test func aReplyAlongWithAStopArrives() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let answer = try await server.call {
            .perform(
                { _, caller, _ in
                    caller.reply(8)
                    return .stop("done")
                },
                $0
            )
        }
        #expect(answer == 8)
        #expect(await server.waitForEnd().description == "stopped by the behavior: done")
    }

    @Test func aStopWithoutAReplyIsWhatTheCallerHears() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let error = await failure {
            try await server.call({ .perform({ _, _, _ in .stop("done") }, $0) }, within: nil)
        }
        #expect(error == "the server has stopped: stopped by the behavior: done")
    }

    @Test func callsBeforeTheServerRunsWaitAndAreAnswered() async throws {
        let server = try Server(Clerk(), listening: [])
        try server.cast(.add(4))
        async let total = server.call(Clerk.Call.total, within: nil)
        await server.waitForMail(2)
        try await server.start()
        #expect(try await total == 4)
        await server.stop()
    }

    @Test func callsToAServerThatNeverRunsAreTold() async throws {
        let server = try Server(Clerk(), listening: [])
        async let error = failure { try await server.call(Clerk.Call.total, within: nil) }
        await server.waitForMail(1)
        server.requestStop()
        #expect(await error == "the server has stopped: stop requested")
    }

    @Test func callsBehindAStopAreTold() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let gate = Gate()
        try server.hold(until: gate, then: .stop("closing"))
        // The mailbox may still hold the first.
        while server.mailbox.count > 0 { await Task.yield() }
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask { await failure { try await server.call(Clerk.Call.total, within: nil) } }
            }
            await server.waitForMail(20)
            gate.open()
            for await error in group {
                #expect(error == "the server has stopped: stopped by the behavior: closing")
            }
        }
        #expect(await server.waitForEnd().description == "stopped by the behavior: closing")
    }

    @Test func callsAndCastsAfterTheEndAreToldWhy() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        await server.stop()
        let call = await failure { try await server.call(Clerk.Call.total, within: nil) }
        let look = await failure { try await server.withState(within: nil) { $0.total } }
        let cast = await failure { try server.cast(.add(1)) }
        let listen = await failure { try await server.addListener(on: "127.0.0.1:0") }
        #expect(call == "the server has stopped: stop requested")
        #expect(look == "the server has stopped: stop requested")
        #expect(cast == "the server has stopped: stop requested")
        #expect(listen == "127.0.0.1:0: listen: the server has stopped: stop requested")
    }

    @Test func storedCallersCanBeAnsweredInTerminateAndAreToldOtherwise() async throws {
        var clerk = Clerk()
        clerk.onEnd = { clerk, _, _ in clerk.callers.first?.reply(77) }
        let server = try Server(clerk, listening: [])
        try await server.start()
        let keep: Clerk.Answer = { clerk, caller, _ in clerk.keep(caller) }
        async let first = server.call({ .perform(keep, $0) }, within: nil)
        while try await server.withState({ $0.callers.count }) < 1 {}
        async let second = failure { try await server.call({ .perform(keep, $0) }, within: nil) }
        while try await server.withState({ $0.callers.count }) < 2 {}
        await server.stop()
        #expect(try await first == 77)
        #expect(await second == "the server has stopped: stop requested")
    }

    /// Somebody else has the caller, and lets go of it never: the call ends with the server.
    @Test func callersThatSomebodyHoldsForGoodEndWithTheServer() async throws {
        let held = Record<Caller<Int>>()
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        async let error = failure {
            try await server.call(
                {
                    .perform(
                        { _, caller, _ in
                            held.append(caller)
                            return .continue
                        },
                        $0
                    )
                },
                within: nil
            )
        }
        while held.entries.isEmpty { await Task.yield() }
        await server.stop()
        #expect(await error == "the server has stopped: stop requested")
        held.entries[0].reply(1)
    }
}
