import Testing

@testable import NBServer

/// Calls that nobody answers in time, or whose callers do not wait any longer.
@Suite struct CallLimitTests {
    private func stuck(_ body: (Server<Clerk>) async throws -> Void) async throws {
        try await Clerk(total: 3).serve { server in
            let gate = Gate()
            try server.hold(until: gate)
            defer { gate.open() }
            try await body(server)
        }
    }

    @Test func aCallEndsInTimeThoughTheServerIsStuckInACallback() async throws {
        try await stuck { server in
            let error = await failure { try await server.call(Clerk.Call.total, within: .milliseconds(20)) }
            #expect(error == "no answer within 0.02 seconds: the server is busy, or has not begun to run")
        }
    }

    @Test func aBlockingCallEndsInTimeThoughTheServerIsStuckInACallback() async throws {
        try await stuck { server in
            let error = try await onThread {
                do {
                    return "none, but \(try server.callBlocking(Clerk.Call.total, within: .milliseconds(20)))"
                } catch {
                    return "\(error)"
                }
            }
            #expect(error == "no answer within 0.02 seconds: the server is busy, or has not begun to run")
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1)]) func noTimeIsNone(_ limit: Duration) async throws {
        try await stuck { server in
            let error = await failure { try await server.call(Clerk.Call.total, within: limit) }
            #expect(error.hasPrefix("no answer within "))
        }
    }

    @Test func anAnswerThatComesTooLateIsDroppedAndTheServerGoesOn() async throws {
        try await Clerk(total: 3).serve { server in
            let gate = Gate()
            try server.hold(until: gate)
            for _ in 0..<3 {
                let error = await failure { try await server.call(Clerk.Call.clear, within: .milliseconds(1)) }
                #expect(error.hasPrefix("no answer within 0.001 seconds"))
            }
            gate.open()
            #expect(try await server.call(Clerk.Call.total) == 0)
            // The one that was held, three clears and the last.
            #expect(try await server.status().counters.messages == 5)
        }
    }

    @Test func withoutALimitACallWaitsForAsLongAsItTakes() async throws {
        try await Clerk(total: 3).serve { server in
            let gate = Gate()
            try server.hold(until: gate)
            async let patient = server.call(Clerk.Call.total, within: nil)
            async let longSuffering = server.call(Clerk.Call.total, within: .seconds(Int64.max))
            await server.waitForMail(2)
            _ = await failure { try await server.call(Clerk.Call.total, within: .milliseconds(20)) }
            gate.open()
            #expect(try await patient == 3)
            #expect(try await longSuffering == 3)
        }
    }

    /// Whichever is asked for first.
    @Test func manyLimitsEndTheirOwnCallsAndNoOther() async throws {
        try await stuck { server in
            await withTaskGroup(of: String.self) { group in
                for number in (1...50).map({ $0 * 37 % 53 }) {
                    group.addTask {
                        let error = await failure {
                            try await server.call(Clerk.Call.total, within: .milliseconds(number))
                        }
                        return error.hasPrefix("no answer within \(Duration.milliseconds(number)):") ? "" : error
                    }
                }
                for await error in group { #expect(error == "") }
            }
        }
    }

    @Test func aTaskThatIsCancelledDoesNotWait() async throws {
        try await stuck { server in
            let task = Task { await failure { try await server.call(Clerk.Call.total, within: nil) } }
            await server.waitForMail(1)
            task.cancel()
            #expect(await task.value == "the task was cancelled")
        }
    }

    @Test func aTaskThatWasCancelledBeforeDoesNotWaitEither() async throws {
        try await stuck { server in
            let begins = Outcome<Void>()
            let task = Task {
                await begins.resolved()
                return await failure { try await server.call(Clerk.Call.total, within: nil) }
            }
            task.cancel()
            begins.resolve(())
            #expect(await task.value == "the task was cancelled")
        }
    }
}
