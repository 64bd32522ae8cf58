import NBEngine
import Testing

@testable import NBServer

/// Messages that come in the middle of a long turn, on a fake kernel.
@Suite struct LongTurnTests {
    private let scripted: ScriptedClerk
    private var mailbox: Mailbox { scripted.mailbox }

    init() throws {
        scripted = try ScriptedClerk()
    }

    /// Accepts so many connections at once.
    private func acceptCrowd(_ count: Int32, _ kernel: FakeKernel) throws {
        for number in 0..<count { try kernel.accept(100_000 + number, on: scripted.socket.descriptor) }
    }

    /// Sends the clerk a message when a connection is closed, which is in the middle of a turn.
    private func send(atCloseOf descriptor: Int32, on kernel: FakeKernel, _ step: @escaping Clerk.Step) {
        kernel.onCall = { [mailbox] call in
            guard call == .close(descriptor) else { return }
            #expect(throws: Never.self) { try mailbox.put(CastMessage<Clerk>(.perform(step))) }
        }
    }

    @Test func aMessageDoesNotWaitForTheEndsOfManyConnections() throws {
        var clerk = Clerk()
        clerk.onConnection = { _, connection, _ in
            connection.send(Clerk.greeting)
            return .continue
        }
        let end = try scripted.run(
            clerk,
            script: [
                { kernel in
                    try acceptCrowd(100, kernel)
                    send(atCloseOf: 100_000, on: kernel) { [unowned kernel] clerk, _ in
                        clerk.total = kernel.closeCount
                        return .continue
                    }
                },
                { kernel in #expect(kernel.closeCount == 100) },
            ]
        )
        #expect(end.total == EndingGroup.capacity)
    }

    @Test func aMessageDoesNotWaitForTheDeliveryOfManyConnections() throws {
        var clerk = Clerk()
        clerk.onConnection = { [mailbox] _, _, context in
            guard context.counters.delivered == 1 else { return .continue }
            let look = CastMessage<Clerk>(
                .perform { clerk, context in
                    clerk.total = Int(context.counters.delivered)
                    return .continue
                }
            )
            try mailbox.put(look)
            return .continue
        }
        let end = try scripted.run(clerk, script: [{ try acceptCrowd(100, $0) }])
        #expect(end.total == 32)
    }

    /// A connection ends in the middle of a turn, and was sent something at once in that turn: the loop looks at once what was taken.
    /// If the kernel is short of memory, and takes nothing, the loop looks when the engine has tried again.
    @Test(arguments: [false, true])
    func theLoopDoesNotSleepOverASendThatAnEndWaitsFor(isShort: Bool) throws {
        scripted.features.sendsAtOnce = true
        let first: Int32 = 100_000
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            connection.send(Clerk.greeting)
            if clerk.kept.isEmpty { clerk.kept.append(context.keep(connection)) }
            return .continue
        }
        try scripted.run(
            clerk,
            script: [
                { kernel in
                    // One group of connections that end, and some: messages are handled in between.
                    try acceptCrowd(Int32(EndingGroup.capacity) + 4, kernel)
                    kernel.takesNothing = isShort
                    send(atCloseOf: first + 1, on: kernel) { clerk, context in
                        _ = try context.take(clerk.kept[0])
                        return .continue
                    }
                },
                { kernel in
                    #expect(kernel.sends(on: first).count == 1)
                    #expect(kernel.closes(of: first) == 0)
                    let deadline = try #require(kernel.deadline)
                    #expect(isShort ? deadline == kernel.now + .milliseconds(1) : deadline <= kernel.now)
                    kernel.takesNothing = false
                },
            ] + (isShort ? [{ #expect($0.closes(of: first) == 0) }] : []) + [
                { #expect($0.closes(of: first) == 1) }
            ]
        )
    }

    /// A listener is to leave, which a message asked for while connections ended. No completion tells the loop to begin with that.
    @Test func theLoopDoesNotSleepOverADepartureThatWasAskedForBetweenEnds() throws {
        var clerk = Clerk()
        clerk.onConnection = { _, connection, _ in
            connection.send(Clerk.greeting)
            return .continue
        }
        try scripted.run(
            clerk,
            script: [
                { kernel in
                    try acceptCrowd(Int32(EndingGroup.capacity) + 4, kernel)
                    send(atCloseOf: 100_000, on: kernel) { _, context in
                        context.state.pointee.listeners.pointee.depart(0) { $0.closesWhenServed = true }
                        return .continue
                    }
                },
                { kernel in
                    #expect(kernel.closeCount == EndingGroup.capacity + 4)
                    let deadline = try #require(kernel.deadline)
                    #expect(deadline <= kernel.now)
                },
                { kernel in
                    let cancel = kernel.submitted.contains { if case .cancel = $0.operation { true } else { false } }
                    #expect(cancel)
                },
            ]
        )
    }

    /// Each message sends on connections, which are due then, and is followed by another.
    @Test func messagesThatMakeConnectionsDueDoNotKeepATurnFromEnding() throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            clerk.kept.append(context.keep(connection))
            return .continue
        }
        let handled = Record<Int>()
        @Sendable func repeatOften(_ mailbox: Mailbox) throws(CastError) {
            let message = CastMessage<Clerk>(
                .perform { clerk, context in
                    handled.append(1)
                    for one in clerk.kept { try context.withConnection(one) { $0.send("x") } }
                    if handled.entries.count < 10_000 { try repeatOften(mailbox) }
                    return .continue
                }
            )
            try mailbox.put(message)
        }
        try scripted.run(
            clerk,
            script: [
                { try acceptCrowd(2 * Int32(EndingGroup.capacity), $0) },
                { _ in try repeatOften(mailbox) },
                { _ in #expect(handled.entries.count <= 512) },
            ]
        )
    }
}

extension FakeKernel {
    /// How many connections were closed by now.
    fileprivate var closeCount: Int { allCalls.count { if case .close = $0 { true } else { false } } }
}
