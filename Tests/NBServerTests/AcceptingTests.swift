import Glibc
import NBEngine
import Testing

@testable import NBServer

/// What the loop does about completions of accepts, on a fake kernel: every connection delivered once or discarded and
/// closed, no listener deaf, none starved.
@Suite struct AcceptingTests {
    struct Refusal: Error {}

    private func greet(_ number: Int, _ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict
    {
        .continue
    }

    /// An accept that is armed while descriptors are short fails at once.
    @Test func closesAreSubmittedBeforeArms() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            { _, connection, _ in
                connection.reset()
                return .continue
            },
            script: [
                { kernel in try kernel.accept(1000, on: listener, isLast: true) },
                { kernel in
                    let close = kernel.submitted.firstIndex { $0.operation == .close(descriptor: 1000) }
                    let arm = kernel.submitted.firstIndex {
                        if case .accept(listener, _) = $0.operation { true } else { false }
                    }
                    let (first, second) = (try #require(close), try #require(arm))
                    #expect(first < second)
                },
            ]
        )
        #expect(server.journal.delivered.count == 1)
    }

    @Test func everyConnectionIsDeliveredOnce() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            greet,
            script: [
                { kernel in
                    for descriptor in 100_000..<100_010 { try kernel.accept(Int32(descriptor), on: listener) }
                }
            ]
        )
        #expect(server.journal.delivered.count == 10)
        #expect(server.journal.counters.accepted == 10)
        #expect(kernel.history.count { if case .accept = $0.operation { true } else { false } } == 1)
    }

    @Test func theLastCompletionOfAnArmDeliversAndArmsAgain() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            greet,
            script: [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { kernel in
                    #expect(kernel.arms == [listener])
                    try kernel.accept(100_001, on: listener)
                },
            ]
        )
        #expect(server.journal.delivered.count == 2)
    }

    @Test func outOfDescriptorsWaitsForTimeAndSaysSoOnce() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            greet,
            script: [
                { try $0.failAccept(EMFILE, on: listener) },
                { kernel in
                    #expect(kernel.arms.isEmpty)
                    #expect(kernel.deadline == kernel.now + .milliseconds(250))
                    kernel.now = kernel.now + .milliseconds(249)
                },
                { kernel in
                    #expect(kernel.arms.isEmpty)
                    kernel.now = kernel.now + .milliseconds(1)
                },
                { kernel in
                    #expect(kernel.arms == [listener])
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(kernel.arms.isEmpty)
                    #expect(kernel.deadline == kernel.now + .milliseconds(500))
                    kernel.now = kernel.now + .milliseconds(500)
                },
                { kernel in
                    #expect(kernel.arms == [listener])
                    try kernel.accept(100_000, on: listener)
                },
            ]
        )
        #expect(server.journal.infos == ["parked: \(EMFILE)", "recovered"])
        #expect(server.journal.counters.acceptFailures == 2)
        #expect(server.journal.delivered.count == 1)
    }

    @Test func aFreedDescriptorArmsAParkedListenerInTheSameTurn() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            { _, connection, _ in
                connection.send("x")
                return .continue
            },
            script: [
                { kernel in
                    try kernel.accept(100_000, on: listener)
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(kernel.isClosed(100_000))
                    #expect(kernel.arms == [listener])
                },
            ]
        )
    }

    @Test func passingErrorsArmAgainAtOnceAndEndInAPause() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let limit = Int(ListenerState.retryLimit)
        let passing: FakeKernel.Step = { try $0.failAccept(ECONNABORTED, on: listener) }
        try server.run(
            greet,
            script: Array(repeating: passing, count: limit + 1) + [
                { kernel in
                    #expect(kernel.arms.isEmpty)
                    #expect(kernel.deadline != nil)
                }
            ]
        )
        #expect(server.journal.infos == ["parked: \(ECONNABORTED)"])
        #expect(server.journal.counters.acceptFailures == UInt64(limit + 1))
    }

    @Test func aForeignCancellationIsArmedAgain() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            greet,
            script: [
                { try $0.failAccept(ECANCELED, on: listener) },
                { kernel in #expect(kernel.arms == [listener]) },
            ]
        )
    }

    @Test func theLastListenerThatGoesDownStopsTheServer() throws {
        let server = try ScriptedServer(listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        let (_, reason) = try server.run(
            greet,
            script: [
                { try $0.failAccept(EINVAL, on: first) },
                { kernel in
                    #expect(!kernel.isArmed(first))
                    try kernel.accept(100_000, on: second)
                    try kernel.failAccept(EINVAL, on: second)
                },
            ]
        )
        #expect(server.journal.infos == ["down: \(EINVAL)", "down: \(EINVAL)"])
        #expect(server.journal.delivered.count == 1)
        #expect(server.journal.ends.count == 1)
        #expect(throws: ServerError.self) { try reason.get() }
        if case .failure(let error) = reason { #expect(error.code == .listenerDown) }
    }

    @Test func aStaleTokenWithADescriptorIsClosedAndCounted() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        var old: Token?
        let (kernel, _) = try server.run(
            greet,
            script: [
                { kernel in
                    old = try kernel.accept(on: listener)
                    try kernel.accept(100_000, on: listener, isLast: true)
                },
                { kernel in kernel.complete(try #require(old), 100_001) },
                { kernel in #expect(kernel.isClosed(100_001)) },
            ]
        )
        #expect(server.journal.delivered.count == 1)
        #expect(server.journal.counters.discardedByReason == [.stale: 1])
        #expect(kernel.closes(of: 100_001) == 1)
    }

    /// How an arm may end, and what its listener is until it is armed again.
    enum EndOfArm: CaseIterable {
        case idle, parked, paused, down, removed
    }

    @Test(arguments: EndOfArm.allCases)
    func whatComesBetweenTheEndOfAnArmAndTheNextIsStray(_ end: EndOfArm) throws {
        let server = try ScriptedServer(listeners: 2)
        let (listener, other) = (server.listeners[0], server.listeners[1])
        let address = server.sockets[0].address
        var old: Token?
        let strays: FakeKernel.Step = { kernel in
            let old = try #require(old)
            kernel.complete(old, 100_001, isLast: false)
            kernel.complete(old, -EMFILE)
            kernel.complete(old, -ECONNABORTED, isLast: false)
            kernel.complete(old, 100_002)
        }
        let (kernel, _) = try server.run(
            { number, _, context in
                guard number == 0 else { return .continue }
                if end == .paused { try context.pauseListener(on: address) }
                if end == .removed { try context.removeListener(on: address) }
                return .continue
            },
            script: [
                { kernel in
                    old = try kernel.accept(on: listener)
                    try kernel.accept(100_000, on: end == .paused || end == .removed ? other : listener)
                },
                { kernel in
                    switch end {
                    case .idle: try kernel.accept(100_003, on: listener, isLast: true)
                    case .parked: try kernel.failAccept(EIO, on: listener)
                    case .down: try kernel.failAccept(EINVAL, on: listener)
                    // The cancel has ended the arm.
                    case .paused, .removed: #expect(!kernel.isArmed(listener))
                    }
                    // Behind the end of the arm, in the same batch; then a turn later.
                    try strays(kernel)
                },
                { kernel in
                    #expect(kernel.isReset(100_001) && kernel.isReset(100_002))
                    #expect(kernel.arms == (end == .idle ? [listener] : []))
                    kernel.complete(try #require(old), 100_004)
                },
                { kernel in
                    #expect(kernel.isReset(100_004))
                    #expect(kernel.arms.isEmpty)
                    #expect(kernel.isArmed(listener) == (end == .idle))
                },
            ]
        )
        let counters = server.journal.counters
        #expect(counters.discardedByReason == [.stale: 3])
        #expect(counters.delivered == (end == .idle ? 2 : 1))
        #expect(counters.accepted == counters.delivered + counters.discarded)
        #expect(counters.acceptFailures == (end == .parked || end == .down ? 1 : 0))
        #expect(server.journal.infos.count == (end == .parked || end == .down || end == .removed ? 1 : 0))
        for descriptor: Int32 in [100_001, 100_002, 100_004] { #expect(kernel.closes(of: descriptor) == 1) }
    }

    @Test func anErrorFromNewConnectionCostsThatConnectionOnly() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        try server.run(
            { number, connection, _ in
                if number == 0 { throw Refusal() }
                return .continue
            },
            script: [
                { kernel in
                    try kernel.accept(100_000, on: listener)
                    try kernel.accept(100_001, on: listener)
                },
                { kernel in
                    #expect(kernel.isClosed(100_000))
                    #expect(kernel.isClosed(100_001))
                },
            ]
        )
        #expect(server.journal.infos == ["failed: Refusal()"])
        #expect(server.journal.counters.failed == 1)
        #expect(server.journal.counters.delivered == 2)
    }

    @Test func anErrorAfterKeepingStillCostsTheConnection() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            { _, connection, context in
                _ = context.keep(connection)
                throw Refusal()
            },
            script: [
                { try $0.accept(100_000, on: listener) },
                { kernel in #expect(kernel.isClosed(100_000)) },
            ]
        )
        #expect(kernel.closes(of: 100_000) == 1)
    }

    @Test func theListenerThatWasServedLeastIsArmedFirst() throws {
        let server = try ScriptedServer(listeners: 2)
        let listeners = server.listeners
        var served = [0, 0]
        var next: Int32 = 100_000
        // The kernel fills the queue from whoever is armed first and gives the others one connection each.
        let fill: FakeKernel.Step = { kernel in
            let arms = kernel.arms
            for (position, listener) in arms.enumerated() {
                let quantum = position == 0 ? 50 : 1
                for place in 0..<quantum {
                    try kernel.accept(next, on: listener, isLast: place == quantum - 1)
                    next += 1
                }
                served[try #require(listeners.firstIndex(of: listener))] += quantum
            }
        }
        try server.run(greet, script: Array(repeating: fill, count: 20))
        #expect(served[0] + served[1] == server.journal.delivered.count)
        #expect(abs(served[0] - served[1]) <= 50)
    }

    @Test func aListenerThatWasIdleGetsNoCreditForIt() throws {
        let server = try ScriptedServer(listeners: 2)
        let (busy, idle) = (server.listeners[0], server.listeners[1])
        var next: Int32 = 100_000
        func serve(_ listener: Int32, _ count: Int, _ kernel: FakeKernel) throws {
            for place in 0..<count {
                try kernel.accept(next, on: listener, isLast: place == count - 1)
                next += 1
            }
        }
        let alone: FakeKernel.Step = { try serve(busy, 100, $0) }
        var firsts: [Int32] = []
        let both: FakeKernel.Step = { kernel in
            if let first = kernel.arms.first { firsts.append(first) }
            try serve(kernel.arms.first ?? busy, 100, kernel)
            try serve(kernel.arms.last ?? idle, 1, kernel)
        }
        let wakeUp: FakeKernel.Step = { kernel in
            try serve(busy, 100, kernel)
            try serve(idle, 1, kernel)
        }
        try server.run(greet, script: Array(repeating: alone, count: 10) + [wakeUp] + Array(repeating: both, count: 8))
        // Not eight times in a row the one that has a thousand connections less.
        #expect(firsts.count { $0 == idle } <= 5)
        #expect(firsts.count { $0 == busy } >= 3)
    }

    @Test func whatWasServedWithoutACrowdIsNoDebt() throws {
        let server = try ScriptedServer(listeners: 2)
        let (busy, quiet) = (server.listeners[0], server.listeners[1])
        var next: Int32 = 100_000
        // An arm that never ends, as it is while clients come one by one.
        let onebyone: FakeKernel.Step = { kernel in
            for _ in 0..<200 {
                try kernel.accept(next, on: busy)
                next += 1
            }
        }
        var served: [Int32: Int] = [:]
        let crowds: FakeKernel.Step = { kernel in
            let order = kernel.arms.isEmpty ? [busy, quiet] : kernel.arms
            for (position, listener) in order.enumerated() {
                let quantum = position == 0 ? 250 : 1
                for place in 0..<quantum {
                    try kernel.accept(next, on: listener, isLast: place == quantum - 1)
                    next += 1
                }
                served[listener, default: 0] += quantum
            }
        }
        try server.run(
            greet,
            script: Array(repeating: onebyone, count: 50) + Array(repeating: crowds, count: 16)
        )
        #expect(abs(served[busy, default: 0] - served[quiet, default: 0]) <= 2 * 256)
    }

    @Test func oneShotArmsAfterTheCallback() throws {
        var server = try ScriptedServer()
        server.options.acceptMode = .oneShot
        let listener = server.listeners[0]
        try server.run(
            greet,
            script: [
                { kernel in
                    #expect(kernel.submitted.contains { $0.operation == .accept(listener: listener, .oneShot) })
                    try kernel.accept(100_000, on: listener, isLast: true)
                },
                { kernel in #expect(kernel.submitted.contains { $0.operation == .accept(listener: listener, .oneShot) })
                },
            ]
        )
        #expect(server.journal.delivered.count == 1)
    }

    @Test func aKernelWithoutMultishotGetsOneShots() throws {
        var server = try ScriptedServer()
        server.features.acceptsMultishot = false
        let listener = server.listeners[0]
        try server.run(
            greet,
            script: [
                { kernel in #expect(kernel.submitted.contains { $0.operation == .accept(listener: listener, .oneShot) })
                }
            ]
        )
    }
}
