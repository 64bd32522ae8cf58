import Glibc
import NBEngine
import Testing

@testable import NBServer

/// What callbacks answer, and what the loop does about it, in a time that stands still.
@Suite struct VerdictTests {
    @Test func aTimeoutComesWhenItIsTimeAndOnce() throws {
        var clerk = Clerk()
        clerk.onBegin = { _, _ in .continue(timeout: .milliseconds(100)) }
        let end = try ScriptedClerk().run(
            clerk,
            script: [
                { kernel in
                    #expect(kernel.deadline == kernel.now + .milliseconds(100))
                    kernel.now = kernel.now + .milliseconds(99)
                },
                { kernel in
                    #expect(kernel.deadline == kernel.now + .milliseconds(1))
                    kernel.now = kernel.now + .milliseconds(1)
                },
                { kernel in
                    #expect(kernel.deadline == nil)
                    kernel.now = kernel.now + .seconds(100)
                },
            ]
        )
        #expect(end.seen == ["timeout"])
    }

    @Test func aTimeoutThatIsAskedForAgainComesAgain() throws {
        var clerk = Clerk()
        clerk.onBegin = { _, _ in .continue(timeout: .milliseconds(100)) }
        clerk.onInfo = { clerk, _, _ in clerk.seen.count < 3 ? .continue(timeout: .milliseconds(100)) : .continue }
        let wait: FakeKernel.Step = { $0.now = $0.now + .milliseconds(100) }
        let end = try ScriptedClerk().run(clerk, script: [wait, wait, wait, wait, wait])
        #expect(end.seen == ["timeout", "timeout", "timeout"])
    }

    enum Callback: CaseIterable {
        case connection
        case failedConnection
        case call
        case cast
        case info
        case timer
    }

    @Test(arguments: Callback.allCases)
    func anyCallbackCancelsATimeout(_ callback: Callback) throws {
        let scripted = try ScriptedClerk()
        scripted.control.setSignals(SignalRoles(reporting: [.hangUp]))
        let listener = scripted.socket.descriptor
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            if callback == .timer { _ = context.startTimer(after: .milliseconds(99)) }
            return .continue(timeout: .milliseconds(100))
        }
        clerk.onConnection = { _, _, _ in
            if callback == .failedConnection { throw Clerk.Trouble() }
            return .continue
        }
        let (mailbox, control) = (scripted.mailbox, scripted.control)
        let end = try scripted.run(
            clerk,
            script: [
                { kernel in
                    kernel.now = kernel.now + .milliseconds(99)
                    switch callback {
                    case .connection, .failedConnection: try kernel.accept(100_000, on: listener)
                    case .call: try mailbox.put(CallMessage<Clerk>(.total(Caller(TypedCall(mailbox.ledger)))))
                    case .cast: try mailbox.put(CastMessage<Clerk>(.add(1)))
                    case .info: control.arrived(.hangUp)
                    case .timer: break
                    }
                },
                { kernel in
                    // A connection that was dropped is looked at before it is closed; that has no deadline but its own.
                    let isTimeout = kernel.deadline == kernel.now + .milliseconds(1)
                    #expect(!isTimeout)
                    kernel.now = kernel.now + .milliseconds(1)
                },
            ]
        )
        #expect(!end.seen.contains("timeout"))
    }

    /// Looking in is no callback.
    @Test func aLookAtTheStateDoesNotCancelATimeout() throws {
        let scripted = try ScriptedClerk()
        var clerk = Clerk()
        clerk.onBegin = { _, _ in .continue(timeout: .milliseconds(100)) }
        let mailbox = scripted.mailbox
        let end = try scripted.run(
            clerk,
            script: [
                { _ in try mailbox.put(LookMessage<Clerk> { $0.total = 1 }) },
                { kernel in
                    #expect(kernel.deadline == kernel.now + .milliseconds(100))
                    kernel.now = kernel.now + .milliseconds(100)
                },
            ]
        )
        #expect(end.seen == ["timeout"])
        #expect(end.total == 1)
    }

    @Test func aContinueComesBeforeTheNextMessageAndConnection() throws {
        let scripted = try ScriptedClerk()
        var clerk = Clerk()
        clerk.onConnection = { clerk, _, _ in
            clerk.seen.append("connection")
            return .continue
        }
        clerk.onContinue = { clerk, _ in clerk.seen.count < 3 ? .handleContinue : .continue }
        let (mailbox, listener) = (scripted.mailbox, scripted.socket.descriptor)
        let end = try scripted.run(
            clerk,
            script: [
                { kernel in
                    try mailbox.put(CastMessage<Clerk>(.perform { _, _ in .handleContinue }))
                    try mailbox.put(CastMessage<Clerk>(.note("message")))
                },
                { try $0.accept(100_000, on: listener) },
            ]
        )
        #expect(end.seen == ["continue", "continue", "continue", "message", "connection"])
    }

    @Test func aContinueOfTheBeginningComesFirst() throws {
        let scripted = try ScriptedClerk()
        var clerk = Clerk()
        clerk.onBegin = { clerk, _ in
            clerk.seen.append("begin")
            return .handleContinue
        }
        try scripted.mailbox.put(CastMessage<Clerk>(.note("message")))
        let end = try scripted.run(clerk, script: [{ _ in }])
        #expect(end.seen == ["begin", "continue", "message"])
    }

    @Test func aReplyLeavesBeforeTheContinueThatFollows() async throws {
        let answered = Gate()
        var clerk = Clerk()
        clerk.onContinue = { clerk, _ in
            answered.wait()
            clerk.total = 2
            return .continue
        }
        try await clerk.serve { server in
            let answer = try await server.call {
                .perform(
                    { _, caller, _ in
                        caller.reply(1)
                        return .handleContinue
                    },
                    $0
                )
            }
            #expect(answer == 1)
            answered.open()
            #expect(try await server.call(Clerk.Call.total) == 2)
        }
    }

    @Test func aStopEndsTheServerWithItsWords() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        try server.cast(.perform { _, _ in .stop("enough") })
        #expect(await server.waitForEnd().description == "stopped by the behavior: enough")
        let silent = try Server(Clerk(), listening: [])
        try await silent.start()
        try silent.cast(.perform { _, _ in .stop })
        #expect(await silent.waitForEnd().description == "stopped by the behavior")
    }
}
