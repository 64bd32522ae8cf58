import Glibc
import Synchronization
import Testing

@testable import NBServer

/// Calls and their replies.
@Suite struct CallTests {
    @Test func eachKindOfCallHasAReplyTypeOfItsOwn() async throws {
        try await Clerk(total: 7).serve { server in
            let total = try await server.call(Clerk.Call.total)
            let greeting = try await server.call { .greeting("you", $0) }
            let sums = try await server.call { .sums([1, 2], [30, 40], $0) }
            try await server.call(Clerk.Call.clear)
            #expect(total == 7)
            #expect(greeting == "hello, you")
            #expect(sums == [31, 42])
            #expect(try await server.call(Clerk.Call.total) == 0)
        }
    }

    @Test func codeWithoutConcurrencyCallsAsWell() async throws {
        try await Clerk(total: 7).serve { server in
            let total = try await onThread { try? server.callBlocking(Clerk.Call.total) }
            let greeting = try await onThread { try? server.callBlocking({ .greeting("you", $0) }, within: nil) }
            #expect(total == 7)
            #expect(greeting == "hello, you")
        }
    }

    @Test func anAnswerMayComeLaterAndFromAnotherThread() async throws {
        try await Clerk().serve { server in
            let callbackHasReturned = Gate()
            let answer = try await server.call {
                .perform(
                    { _, caller, _ in
                        try startThread {
                            callbackHasReturned.wait()
                            caller.reply(42)
                        }
                        try server.cast(
                            .perform { _, _ in
                                callbackHasReturned.open()
                                return .continue
                            }
                        )
                        return .continue
                    },
                    $0
                )
            }
            #expect(answer == 42)
        }
    }

    @Test func aCallerMayBeStoredAndAnsweredByALaterMessage() async throws {
        try await Clerk().serve { server in
            let answer = try await server.call {
                .perform(
                    { clerk, caller, _ in
                        clerk.callers.append(caller)
                        try server.cast(
                            .perform { clerk, _ in
                                clerk.callers.removeFirst().reply(clerk.total)
                                return .continue
                            }
                        )
                        clerk.total = 9
                        return .continue
                    },
                    $0
                )
            }
            #expect(answer == 9)
        }
    }

    @Test func ofTwoRepliesTheFirstCounts() async throws {
        try await Clerk().serve { server in
            let answer = try await server.call {
                .perform(
                    { _, caller, _ in
                        caller.reply(1)
                        caller.reply(2)
                        return .continue
                    },
                    $0
                )
            }
            #expect(answer == 1)
        }
    }

    /// The first waits for the callback to return, and the second, from another thread, does not.
    @Test func theFirstReplyCountsThoughItHasNotLeftYet() async throws {
        try await Clerk().serve { server in
            let answer = try await server.call {
                .perform(
                    { _, caller, _ in
                        caller.reply(1)
                        let second = Gate()
                        try startThread {
                            caller.reply(2)
                            second.open()
                        }
                        second.wait()
                        return .continue
                    },
                    $0
                )
            }
            #expect(answer == 1)
        }
    }

    @Test func aReplyLeavesWhenTheCallbackHasReturned() async throws {
        try await Clerk().serve { server in
            let call = TypedCall<Int>(server.mailbox.ledger)
            let wasAnswered = try await server.call {
                .perform(
                    { _, caller, _ in
                        Caller(call).reply(5)
                        caller.reply(call.pending.isSettled ? 1 : 0)
                        return .continue
                    },
                    $0
                )
            }
            #expect(wasAnswered == 0)
            #expect(try call.get() == 5)
        }
    }

    @Test func aReplyAlongWithADescriptorLeavesAtOnce() async throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, _ in
            let caller = clerk.callers.removeFirst()
            connection.detach { _ in
                caller.reply(1)
            }
            return .continue
        }
        try await clerk.serve(listening: ["127.0.0.1:0"]) { server in
            let address = server.addresses[0]
            async let answer = server.call(
                { .perform({ clerk, caller, _ in clerk.keep(caller) }, $0) },
                within: nil
            )
            while try await server.withState({ $0.callers.isEmpty }) {}
            let client = try Client(address)
            #expect(try await answer == 1)
            _ = client
        }
    }

    @Test func aCallerThatIsDroppedFailsItsCallAtOnce() async throws {
        try await Clerk().serve { server in
            let dropped = await failure {
                try await server.call({ .perform({ _, _, _ in .continue }, $0) }, within: nil)
            }
            #expect(dropped == "the server dropped the caller without a reply")
            let droppedLater = await failure {
                try await server.call(
                    {
                        .perform(
                            { clerk, caller, _ in
                                try server.cast(
                                    .perform { clerk, _ in
                                        clerk.callers = []
                                        return .continue
                                    }
                                )
                                return clerk.keep(caller)
                            },
                            $0
                        )
                    },
                    within: nil
                )
            }
            #expect(droppedLater == "the server dropped the caller without a reply")
        }
    }

    @Test func aCallThatForgetsItsCallerFailsAsWell() async throws {
        try await Clerk().serve { server in
            let error = await failure {
                try await server.call(
                    { (_: Caller<Int>) in .perform({ _, _, _ in .continue }, Caller(.init(server.mailbox.ledger))) },
                    within: nil
                )
            }
            #expect(error == "the server dropped the caller without a reply")
        }
    }

    @Test func aServerThatCallsOrWaitsForItselfIsToldSo() async throws {
        let errors = Record<String>()
        try await Clerk().serve { server in
            _ = try await server.call {
                .perform(
                    { _, caller, _ in
                        do throws(CallError) {
                            _ = try server.callBlocking(Clerk.Call.total, within: nil)
                        } catch {
                            errors.append("\(error)")
                        }
                        errors.append("\(server.waitForEndBlocking().map(\.description) ?? "runs")")
                        caller.reply(1)
                        return .continue
                    },
                    $0
                )
            }
            #expect(errors.entries == ["a server cannot wait for itself; use its state, or cast", "runs"])
            #expect(try await server.call(Clerk.Call.total) == 0)
        }
    }

    @Test func requestsAreMadeNowAndTheirAnswersTakenLater() async throws {
        try await Clerk(total: 5).serve { server in
            async let total = server.call(Clerk.Call.total)
            async let greeting = server.call { .greeting("you", $0) }
            let tasks = (1...10).map { number in Task { try await server.call { .sums([number], [number], $0) } } }
            let (hello, five) = try await (greeting, total)
            #expect(hello == "hello, you")
            #expect(five == 5)
            for (index, task) in tasks.enumerated() { #expect(try await task.value == [2 * (index + 1)]) }
        }
    }

    @Test func oneMessageGoesToManyServers() async throws {
        let servers = try (0..<4).map { try Server(Clerk(total: $0), listening: []) }
        for server in servers { try await server.start() }
        for server in servers { try server.cast(.add(10)) }
        let totals = try await withThrowingTaskGroup(of: Int.self) { group in
            for server in servers { group.addTask { try await server.call(Clerk.Call.total) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(totals.sorted() == [10, 11, 12, 13])
        for server in servers { await server.stop() }
    }

    /// Two servers may call each other; each has a thread of its own.
    @Test func aServerMayCallAnother() async throws {
        try await Clerk(total: 5).serve { other in
            try await Clerk().serve { server in
                let answer = try await server.call {
                    .perform(
                        { _, caller, _ in
                            caller.reply(try other.callBlocking(Clerk.Call.total))
                            return .continue
                        },
                        $0
                    )
                }
                #expect(answer == 5)
            }
        }
    }
}

extension Clerk {
    mutating func keep(_ caller: Caller<Int>) -> Verdict {
        callers.append(caller)
        return .continue
    }
}
