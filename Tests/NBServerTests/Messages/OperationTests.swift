import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Looking into a server that runs: its state, its status, and a rest for its messages.
@Suite struct OperationTests {
    @Test func theStateIsReadAndReplaced() async throws {
        try await Clerk(total: 3).serve { server in
            #expect(try await server.withState { $0.total } == 3)
            try await server.withState { $0.total *= 2 }
            let before = try await server.withState { clerk in
                defer { clerk = Clerk(total: 100) }
                return clerk.total
            }
            #expect(before == 6)
            #expect(try await server.call(Clerk.Call.total) == 100)
            // None of it is a message for the behavior, but the call.
            #expect(try await server.status().counters.messages == 1)
        }
    }

    private struct Only: NonBlockingServer, ~Copyable {
        var total = 1

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            .continue
        }
    }

    @Test func theStateOfABehaviorThatCannotBeCopiedIsLookedAtWhereItIs() async throws {
        let server = try Server(Only(), listening: [])
        try await server.start()
        try await server.withState { $0.total += 1 }
        #expect(try await server.withState { $0.total } == 2)
        await server.stop()
    }

    @Test func aSuspendedServerHandlesNoMessagesAndThenAllInTheirOrder() async throws {
        try await Clerk().serve { server in
            try server.cast(.note("before"))
            try await server.suspendMessages()
            for number in 0..<1000 { try server.cast(.note("\(number)")) }
            async let total = server.call(Clerk.Call.total, within: nil)
            await server.waitForMail(1001)
            try await server.suspendMessages()
            let status = try await server.status()
            #expect(status.isSuspended)
            #expect(status.mailboxLength == 1001)
            #expect(status.counters.messages == 1)
            #expect(try await server.withState { $0.seen } == ["before"])
            try await server.withState { $0.total = 9 }
            for number in 1000..<1100 { try server.cast(.note("\(number)")) }
            try await server.resumeMessages()
            try server.cast(.note("after"))
            try await server.resumeMessages()
            #expect(try await total == 9)
            _ = try await server.call(Clerk.Call.total)
            #expect(try await server.withState { $0.seen } == ["before"] + (0..<1100).map { "\($0)" } + ["after"])
            #expect(try await server.status().isSuspended == false)
        }
    }

    @Test func aSuspendedServerStopsAndTellsThoseWhoWait() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        try await server.suspendMessages()
        async let call = failure { try await server.call(Clerk.Call.total, within: nil) }
        await server.waitForMail(1)
        // The loop has taken it and set it aside.
        _ = try await server.status()
        await server.stop()
        #expect(await call == "the server has stopped: stop requested")
    }

    @Test func aSuspendedServerServesConnections() async throws {
        var clerk = Clerk()
        clerk.onConnection = { _, connection, _ in
            connection.send("served")
            return .continue
        }
        try await clerk.serve(listening: ["127.0.0.1:0"]) { server in
            try await server.suspendMessages()
            #expect(try Client(server.addresses[0]).readToEnd() == .end("served"))
        }
    }

    @Test func timersAndTimeoutsWaitWhileAServerIsSuspended() throws {
        let scripted = try ScriptedClerk()
        let mailbox = scripted.mailbox
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            _ = context.startTimer(after: .milliseconds(10))
            return .continue(timeout: .milliseconds(20))
        }
        let suspend: @Sendable (Bool) -> Message = { isSuspended in
            .request { $0.state.pointee.isSuspended = isSuspended }
        }
        clerk.onInfo = { _, _, _ in .continue(timeout: .milliseconds(20)) }
        let end = try scripted.run(
            clerk,
            script: [
                { _ in try mailbox.put(suspend(true)) },
                { kernel in
                    #expect(kernel.deadline == nil)
                    kernel.now = kernel.now + .seconds(1)
                },
                { _ in try mailbox.put(suspend(false)) },
                { $0.now = $0.now + .milliseconds(20) },
                { _ in },
            ]
        )
        #expect(end.seen == ["timer(timer 1)", "timeout"])
    }

    @Test func theStatusSaysWhatThereIs() async throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            clerk.kept.append(context.keep(connection))
            if let caller = clerk.callers.popLast() { caller.reply(clerk.kept.count) }
            return .continue
        }
        let options = ServerOptions(quantum: 16, engine: EngineOptions(submissionDepth: 8))
        try await clerk.serve(listening: ["127.0.0.1:0", "127.0.0.1:0"], options: options) { server in
            let (first, second) = (server.addresses[0], server.addresses[1])
            try await server.pauseListener(on: second)
            async let delivered = server.call({ .perform({ clerk, caller, _ in clerk.keep(caller) }, $0) }, within: nil)
            while try await server.withState({ $0.callers.isEmpty }) {}
            let client = try Client(first)
            #expect(try await delivered == 1)
            let status = try await server.status()
            #expect(status.listeners.map(\.address) == [first, second])
            #expect(status.listeners.map(\.activity) == [.accepting, .paused])
            #expect(status.counters.open == 1)
            #expect(status.mailboxLength == 0)
            #expect(status.counters.refusedMessages == 0)
            #expect(!status.isSuspended)
            #expect(!status.isDraining)
            #expect(status.counters.delivered == 1)
            #expect(status.counters.messages == 1)
            #expect(status.engine.quantum == 16)
            let later = try await server.status()
            #expect(later.uptime > status.uptime)
            _ = client
        }
    }

    @Test func aParkedListenerSaysWhyInTheStatus() throws {
        let scripted = try ScriptedClerk()
        let listener = scripted.socket.descriptor
        let (mailbox, activities) = (scripted.mailbox, Record<ListenerStatus.Activity>())
        let look: FakeKernel.Step = { _ in
            try mailbox.put(.request { for one in $0.status.listeners { activities.append(one.activity) } })
        }
        try scripted.run(Clerk(), script: [{ try $0.failAccept(EMFILE, on: listener) }, look, { _ in }])
        #expect(
            activities.entries == [.parked(cause: .accept(EMFILE, address: scripted.socket.address.description))]
        )
    }
}
