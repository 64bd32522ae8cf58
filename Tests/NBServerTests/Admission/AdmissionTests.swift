import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Limits on connections that are open at once, on a fake kernel: who is delivered, who waits, who is reset, and who is let in when
/// something ends.
@Suite struct AdmissionTests {
    /// Connections that a behavior holds, in the order of their coming.
    private final class Held {
        private var connections: [Holder] = []

        private final class Holder {
            var connection: Connection?
            init(_ connection: consuming Connection) { self.connection = consume connection }
        }

        var count: Int { connections.count }

        func keep(_ connection: consuming Connection) { connections.append(Holder(connection)) }

        func drop(_ number: Int) { connections[number].connection = nil }

        func take(_ number: Int) -> Connection? { connections[number].connection.take() }

        func dropAll() { connections.removeAll() }
    }

    private let held = Held()

    private func keep(_ number: Int, _ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict
    {
        held.keep(connection)
        return .continue
    }

    private func server(_ admission: Admission, listeners: Int = 1, quantum: Int = 256) throws -> ScriptedServer {
        var server = try ScriptedServer(listeners: listeners)
        server.options.admission = admission
        server.features = EngineFeatures(.ring, kernel: [5, 11], quantum: quantum)
        server.features.acceptsMultishot = true
        return server
    }

    /// Runs a script, at the end of which everything ends and every permit has come back.
    @discardableResult
    private func run(
        _ server: ScriptedServer,
        _ admission: Admission,
        _ script: [FakeKernel.Step]
    ) throws -> FakeKernel {
        let (kernel, _) = try server.run(onEnd: { [held] _ in held.dropAll() }, keep, script: script)
        #expect(admission.all.taken == 0)
        let counters = server.journal.counters
        #expect(counters.waiting == 0)
        #expect(counters.accepted == counters.delivered + counters.discarded)
        return kernel
    }

    @Test func aClientBeyondTheLimitWaitsUntilAConnectionEnds() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 2))
        let server = try server(admission)
        let listener = server.listeners[0]
        let kernel = try run(
            server,
            admission,
            [
                { kernel in
                    // So near the limit one at a time.
                    #expect(kernel.submitted.map(\.operation).contains(.accept(listener: listener, .oneShot)))
                    try kernel.accept(100_000, on: listener, isLast: true)
                },
                { try $0.accept(100_001, on: listener, isLast: true) },
                { try $0.accept(100_002, on: listener, isLast: true) },
                { kernel in
                    #expect(!kernel.isArmed(listener))
                    #expect(kernel.deadline == nil)
                    #expect(held.count == 2)
                    #expect(admission.all.taken == 2)
                    held.drop(0)
                },
                { kernel in
                    #expect(kernel.isClosed(100_000))
                    #expect(kernel.deadline == kernel.now)
                },
                { kernel in
                    #expect(held.count == 3)
                    #expect(kernel.arms == [listener])
                    try kernel.accept(100_003, on: listener, isLast: true)
                },
                { _ in
                    held.drop(1)
                    held.drop(2)
                },
                { _ in },
                { kernel in
                    #expect(held.count == 4)
                    try kernel.accept(100_004, on: listener, isLast: true)
                },
                { _ in #expect(held.count == 5) },
            ]
        )
        #expect(server.journal.infos == ["at limit: open", "below limit"])
        #expect(server.journal.counters.delivered == 5)
        #expect(kernel.closes(of: 100_002) == 1)
    }

    @Test func aClientAtALimitThatResetsIsReset() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 2, whenReached: .reset))
        let server = try server(admission)
        let listener = server.listeners[0]
        try run(
            server,
            admission,
            [
                { kernel in
                    for descriptor: Int32 in 100_000..<100_004 { try kernel.accept(descriptor, on: listener) }
                },
                { kernel in
                    #expect(held.count == 2)
                    #expect(kernel.isReset(100_002) && kernel.isReset(100_003))
                    #expect(kernel.isArmed(listener))
                    held.drop(1)
                },
                { try $0.accept(100_004, on: listener) },
                { _ in #expect(held.count == 3) },
            ]
        )
        #expect(server.journal.infos == ["at limit: open", "below limit"])
        #expect(server.journal.counters.discardedByReason == [.open: 2])
        #expect(server.journal.counters.waitedByReason == [:])
        #expect(server.journal.counters.delivered == 3)
    }

    @Test func whatAnArmTookBeyondTheLimitWaitsInItsOrder() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 3))
        let server = try server(admission, quantum: 3)
        let listener = server.listeners[0]
        try run(
            server,
            admission,
            [
                { kernel in
                    #expect(kernel.submitted.map(\.operation).contains(.accept(listener: listener, .multishot)))
                    for descriptor: Int32 in 100_000..<100_005 { try kernel.accept(descriptor, on: listener) }
                },
                { kernel in
                    #expect(held.count == 3)
                    #expect(admission.all.taken == 3)
                },
                { kernel in
                    // Two more were in the queue; then the arm was cancelled.
                    #expect(!kernel.isArmed(listener))
                    #expect(kernel.arms.isEmpty)
                    held.drop(0)
                },
                { _ in },
                { kernel in
                    #expect(held.count == 4)
                    #expect(held.take(3)?.slot.pointee.descriptor == 100_003)
                    #expect(kernel.arms.isEmpty)
                },
                { _ in },
                { kernel in
                    #expect(held.count == 5)
                    #expect(kernel.submitted.map(\.operation).contains(.accept(listener: listener, .oneShot)))
                },
            ]
        )
        #expect(server.journal.counters.delivered == 5)
    }

    @Test func aListenersLimitKeepsNobodyFromOthers() throws {
        let admission = try Admission(AdmissionLimits(perListener: .init(maximumOpen: 1)))
        let server = try server(admission, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: first, isLast: true) },
                { try $0.accept(100_001, on: first, isLast: true) },
                { try $0.accept(100_002, on: second, isLast: true) },
                { kernel in
                    #expect(held.count == 2)
                    #expect(!kernel.isArmed(first))
                    #expect(kernel.isArmed(second))
                    held.drop(1)
                },
                { _ in
                    #expect(held.count == 2)
                    held.drop(0)
                },
                { _ in },
                { kernel in
                    #expect(held.count == 3)
                    #expect(kernel.isArmed(first))
                },
            ]
        )
        #expect(server.journal.infos == ["at limit: openPerListener"])
    }

    @Test func aLimitOfOneListenerThatIsOutOfItsRangeNamesIt() throws {
        let limits = AdmissionLimits(listenerLimits: [try SocketAddress("[::1]:80"): .init(maximumOpen: -1)])
        let error = #expect(throws: ServerError.self) { try Admission(limits) }
        #expect(
            error?.description.hasPrefix("AdmissionLimits.listenerLimits[[::1]:80].maximumOpen: -1 is out of") == true
        )
    }

    @Test func aListenerMayHaveLimitsOfItsOwn() throws {
        let admission = try Admission(AdmissionLimits(perListener: .init(maximumOpen: 1), whenReached: .reset))
        let server = try server(admission, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        try run(
            server,
            admission,
            [
                { kernel in
                    for descriptor: Int32 in 100_000..<100_002 { try kernel.accept(descriptor, on: first) }
                },
                { kernel in
                    #expect(held.count == 1 && kernel.isReset(100_001))
                    let limits = [server.sockets[1].address: AdmissionLimits.ListenerLimits(maximumOpen: 2)]
                    try admission.setLimits(
                        AdmissionLimits(perListener: .init(maximumOpen: 1), listenerLimits: limits, whenReached: .reset)
                    )
                },
                { kernel in
                    for descriptor: Int32 in 100_002..<100_005 { try kernel.accept(descriptor, on: second) }
                    try kernel.accept(100_005, on: first)
                },
                { kernel in
                    #expect(held.count == 3 && kernel.isReset(100_004) && kernel.isReset(100_005))
                    try admission.setLimits(AdmissionLimits(whenReached: .reset))
                },
                { try $0.accept(100_006, on: first) },
                { _ in #expect(held.count == 4) },
            ]
        )
        #expect(server.journal.counters.discardedByReason == [.openPerListener: 3])
    }

    @Test func aStopResetsThoseThatWait() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 0))
        let server = try server(admission)
        let listener = server.listeners[0]
        let kernel = try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { #expect(!$0.isArmed(listener)) },
            ]
        )
        #expect(server.journal.counters.discardedByReason == [.stopping: 1])
        #expect(server.journal.counters.waitedByReason == [.open: 1])
        #expect(server.journal.counters.delivered == 0)
        #expect(kernel.closes(of: 100_000) == 1)
    }

    @Test(arguments: [QueuedClients.serve, .reset]) func aDrainServesOrResetsThoseThatWait(
        _ queued: QueuedClients
    ) throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 1))
        let server = try server(admission)
        let listener = server.listeners[0]
        let serves = queued == .serve
        let (kernel, reason) = try server.run(
            // When it is told that the listener is at the limit.
            duringInfo: { context in context.drain(queued: queued, within: .seconds(5)) },
            onEnd: { [held] _ in held.dropAll() },
            keep,
            script: [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { try $0.accept(100_001, on: listener, isLast: true) },
                { kernel in
                    #expect(!kernel.isArmed(listener))
                    #expect(kernel.isReset(100_001) == !serves)
                    held.drop(0)
                },
                { _ in },
                { _ in
                    // The other server has ended.
                    guard serves else { return }
                    #expect(held.count == 2)
                    held.drop(1)
                },
            ]
        )
        #expect(try reason.get().description == "drained")
        #expect(admission.all.taken == 0)
        #expect(server.journal.counters.delivered == (serves ? 2 : 1))
        #expect(server.journal.counters.discardedByReason == (serves ? [:] : [.draining: 1]))
        #expect(server.journal.counters.waitedByReason == [.open: 1])
        #expect(kernel.closes(of: 100_001) == 1)
    }

    @Test func clientsOfAListenerThatIsRemovedWaitNoMore() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 1))
        let server = try server(admission, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        let address = server.sockets[0].address
        let (kernel, _) = try server.run(
            onEnd: { [held] _ in held.dropAll() },
            { [held] number, connection, context in
                held.keep(connection)
                if number == 1 { try context.removeListener(on: address) }
                return .continue
            },
            script: [
                { try $0.accept(100_000, on: second, isLast: true) },
                { try $0.accept(100_001, on: second, isLast: true) },
                { try $0.accept(100_002, on: first, isLast: true) },
                { _ in held.drop(0) },
                { _ in },
                { kernel in
                    #expect(held.count == 2)
                    #expect(kernel.isReset(100_002))
                },
            ]
        )
        #expect(admission.all.taken == 0)
        #expect(server.journal.counters.discardedByReason == [.removed: 1])
        #expect(kernel.closes(of: 100_002) == 1)
    }

    @Test func limitsThatAreRaisedLetThoseInThatWait() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 0))
        let server = try server(admission)
        let listener = server.listeners[0]
        try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { kernel in
                    #expect(held.count == 0)
                    let event = try #require(kernel.wakeUpDescriptor)
                    #expect(!isReadable(event))
                    try admission.setLimits(AdmissionLimits(maximumOpen: 1))
                    #expect(isReadable(event))
                },
                { kernel in
                    #expect(held.count == 1)
                    try kernel.accept(100_001, on: listener, isLast: true)
                },
                { _ in try admission.setLimits(AdmissionLimits(maximumOpen: 1, whenReached: .reset)) },
                { #expect($0.isReset(100_001)) },
            ]
        )
        #expect(server.journal.counters.discardedByReason == [.open: 1])
        #expect(server.journal.counters.waitedByReason == [.open: 2])
    }

    @Test func aPermitThatComesBackElsewhereWakesTheLoop() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 1))
        let server = try server(admission)
        let listener = server.listeners[0]
        #expect(admission.all.take(1) == 1)
        try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { kernel in
                    #expect(held.count == 0)
                    let event = try #require(kernel.wakeUpDescriptor)
                    #expect(!isReadable(event))
                    admission.all.give(1)
                    #expect(isReadable(event))
                    #expect(admission.all.taken == 1)
                },
                { _ in #expect(held.count == 1) },
            ]
        )
    }

    @Test func aConnectionThatLeavesTheServerCountsNoMore() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 1))
        let server = try server(admission)
        let listener = server.listeners[0]
        let pair = SocketPair()
        try run(
            server,
            admission,
            [
                { try $0.accept(pair.end, on: listener, isLast: true) },
                { try $0.accept(100_001, on: listener, isLast: true) },
                { _ in
                    #expect(held.count == 1)
                    held.take(0)?.detach { _ in }
                },
                { _ in },
                { _ in #expect(held.count == 2) },
            ]
        )
    }

    @Test func aLostEngineGivesItsPermitsBack() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 1))
        let server = try server(admission)
        let listener = server.listeners[0]
        let (kept, waiting) = (SocketPair(), SocketPair())
        let (_, reason) = try server.run(
            keep,
            script: [
                { try $0.accept(kept.end, on: listener, isLast: true) },
                { try $0.accept(waiting.end, on: listener, isLast: true) },
                { $0.isLost = true },
            ]
        )
        #expect(throws: ServerError.self) { try reason.get() }
        #expect(admission.all.taken == 0)
        #expect(server.journal.counters.discardedByReason == [.stopping: 1])
        #expect(waiting.isEndClosed)
        held.dropAll()
    }

    @Test func atARateClientsWaitForTheirTime() throws {
        let admission = try Admission(AdmissionLimits(rate: .init(perSecond: 10, burst: 2)))
        let server = try server(admission)
        let listener = server.listeners[0]
        var start = Instant(nanoseconds: 0)
        try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: listener, isLast: true) },
                { try $0.accept(100_001, on: listener, isLast: true) },
                { kernel in
                    start = kernel.now
                    try kernel.accept(100_002, on: listener, isLast: true)
                },
                { kernel in
                    #expect(held.count == 2)
                    #expect(!kernel.isArmed(listener))
                    #expect(kernel.deadline == start + .milliseconds(100))
                    kernel.now = start + .nanoseconds(99_999_999)
                },
                { kernel in
                    #expect(held.count == 2)
                    kernel.now = start + .milliseconds(100)
                },
                { kernel in
                    #expect(held.count == 3)
                    #expect(kernel.arms == [listener])
                    #expect(kernel.deadline == nil)
                    try kernel.accept(100_003, on: listener, isLast: true)
                },
                { kernel in
                    #expect(held.count == 3)
                    #expect(kernel.deadline == start + .milliseconds(200))
                },
            ]
        )
        #expect(server.journal.infos == ["at limit: rate"])
        #expect(server.journal.counters.discardedByReason == [.stopping: 1])
        #expect(server.journal.counters.waitedByReason == [.rate: 2])
    }

    @Test func atAListenersRateThatResetsClientsAreReset() throws {
        let limits = AdmissionLimits(perListener: .init(rate: .init(perSecond: 1, burst: 2)), whenReached: .reset)
        let admission = try Admission(limits)
        let server = try server(admission, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        try run(
            server,
            admission,
            [
                { kernel in
                    for descriptor: Int32 in 100_000..<100_003 { try kernel.accept(descriptor, on: first) }
                    for descriptor: Int32 in 100_003..<100_005 { try kernel.accept(descriptor, on: second) }
                },
                { kernel in
                    #expect(held.count == 4)
                    #expect(kernel.isReset(100_002))
                    kernel.now = kernel.now + .seconds(1)
                    try kernel.accept(100_005, on: first)
                    try kernel.accept(100_006, on: first)
                },
                { kernel in
                    #expect(held.count == 5)
                    #expect(kernel.isReset(100_006))
                },
            ]
        )
        #expect(server.journal.infos == ["at limit: ratePerListener", "below limit", "at limit: ratePerListener"])
        #expect(server.journal.counters.discardedByReason == [.ratePerListener: 2])
    }

    @Test func aLoopThatWaitsForATokenKeepsOnePermitFromOthers() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10, rate: .init(perSecond: 1, burst: 1)))
        let server = try server(admission, quantum: 1)
        let listener = server.listeners[0]
        try run(
            server,
            admission,
            [
                { kernel in
                    for descriptor: Int32 in 100_000..<100_004 { try kernel.accept(descriptor, on: listener) }
                },
                { _ in },
                { _ in },
                { _ in },
                { _ in
                    #expect(held.count == 1)
                    #expect(admission.all.taken == 2)
                },
            ]
        )
    }

    @Test func withoutRulesOrLimitsBySourceNoAddressIsAsked() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 2))
        let server = try server(admission)
        let kernel = try run(server, admission, [{ try $0.accept(100_000, on: server.listeners[0], isLast: true) }])
        #expect(kernel.askedAddresses.isEmpty)
    }

    @Test func sourcesThatAreDeniedAreResetAndTakeNoPermit() throws {
        let rules = try SourceRules([(AddressPrefix("10.0.0.0/8"), .deny)], default: .allow)
        let admission = try Admission(AdmissionLimits(maximumOpen: 2, whenReached: .reset), rules: rules)
        let server = try server(admission)
        let listener = server.listeners[0]
        let kernel = try run(
            server,
            admission,
            [
                { kernel in
                    kernel.addresses[100_000] = try IPAddress("10.0.0.1")
                    kernel.addresses[100_001] = try IPAddress("::ffff:10.0.0.1")
                    // Its client is gone.
                    kernel.addresses[100_002] = .some(nil)
                    for descriptor: Int32 in 100_000..<100_005 { try kernel.accept(descriptor, on: listener) }
                },
                { kernel in
                    #expect(held.count == 2)
                    for descriptor: Int32 in 100_000..<100_003 { #expect(kernel.isReset(descriptor)) }
                    admission.setRules(try SourceRules([], default: .deny))
                },
                { try $0.accept(100_005, on: listener) },
                { kernel in
                    #expect(kernel.isReset(100_005))
                    admission.setRules(nil)
                },
                { try $0.accept(100_006, on: listener) },
                { #expect($0.isReset(100_006)) },
            ]
        )
        #expect(kernel.askedAddresses == Array(100_000...100_005))
        #expect(server.journal.counters.discardedByReason == [.denied: 3, .gone: 1, .open: 1])
        #expect(server.journal.counters.delivered == 2)
    }

    @Test func aSourceAtItsLimitIsResetAndKeepsNobodyFromOthers() throws {
        let limits = AdmissionLimits(maximumOpen: 3, perSource: .init(maximumOpen: 1))
        let admission = try Admission(limits)
        let server = try server(admission)
        let listener = server.listeners[0]
        let (one, other) = (try IPAddress("10.0.0.1"), try IPAddress("10.0.0.2"))
        try run(
            server,
            admission,
            [
                { kernel in
                    for descriptor: Int32 in 100_000..<100_010 { kernel.addresses[descriptor] = one }
                    kernel.addresses[100_002] = other
                    try kernel.accept(100_000, on: listener, isLast: true)
                },
                { try $0.accept(100_001, on: listener, isLast: true) },
                { kernel in
                    #expect(kernel.isReset(100_001))
                    try kernel.accept(100_002, on: listener, isLast: true)
                },
                { kernel in
                    #expect(held.count == 2)
                    #expect(admission.openCount(of: one) == 1)
                    held.drop(0)
                },
                { kernel in
                    #expect(admission.openCount(of: one) == 0)
                    try kernel.accept(100_003, on: listener, isLast: true)
                },
                { _ in #expect(held.count == 3) },
            ]
        )
        #expect(admission.openCount(of: one) == 0 && admission.openCount(of: other) == 0)
        #expect(server.journal.counters.discardedByReason == [.openPerSource: 1])
        #expect(server.journal.infos.isEmpty)
    }

    @Test func thoseThatWaitCountForTheirSource() throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 0, perSource: .init(maximumOpen: 1)))
        let server = try server(admission, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        try run(
            server,
            admission,
            [
                { try $0.accept(100_000, on: first, isLast: true) },
                { try $0.accept(100_001, on: second, isLast: true) },
                { kernel in
                    #expect(!kernel.isArmed(first))
                    #expect(kernel.isReset(100_001))
                    #expect(admission.openCount(of: IPAddress(ipv4: 0x7f00_0001)) == 1)
                },
            ]
        )
        #expect(admission.openCount(of: IPAddress(ipv4: 0x7f00_0001)) == 0)
        #expect(server.journal.counters.discardedByReason == [.openPerSource: 1, .stopping: 1])
    }

    @Test func aClientThatIsRefusedMayBeToldALastWord() throws {
        let limits = AdmissionLimits(
            maximumOpen: 1,
            perSource: .init(maximumOpen: 1, whenReached: .lastWord(Array("one each".utf8))),
            whenReached: .lastWord(Array("full".utf8))
        )
        let admission = try Admission(limits)
        let server = try server(admission)
        let listener = server.listeners[0]
        let kernel = try run(
            server,
            admission,
            [
                { kernel in
                    kernel.addresses[100_002] = try IPAddress("10.0.0.2")
                    for descriptor: Int32 in 100_000..<100_003 { try kernel.accept(descriptor, on: listener) }
                },
                { kernel in
                    #expect(held.count == 1)
                    #expect(kernel.lastBytes(on: 100_001) == [Array("one each".utf8)])
                    #expect(kernel.lastBytes(on: 100_002) == [Array("full".utf8)])
                    #expect(kernel.isClosed(100_001) && kernel.isClosed(100_002))
                    #expect(admission.all.taken == 1)
                },
            ]
        )
        #expect(kernel.endedOutputs.contains(100_001) && kernel.endedOutputs.contains(100_002))
        #expect(server.journal.counters.discardedByReason == [.open: 1, .openPerSource: 1])
        #expect(server.journal.counters.delivered == 1)
    }

    private static let limits: [(AdmissionLimits, String?)] = [
        (.init(maximumOpen: -1), "maximumOpen: -1 is out of range; it must be 0 or more"),
        (.init(maximumOpen: 0), nil),
        (.init(maximumOpen: .max), nil),
        (
            .init(perListener: .init(maximumOpen: -1)),
            "perListener.maximumOpen: -1 is out of range; it must be 0 or more"
        ),
        (
            .init(rate: .init(perSecond: -1, burst: 1)),
            "rate.perSecond: -1 is out of range; it must be from 0 to 1000000"
        ),
        (.init(rate: .init(perSecond: 0, burst: 1)), nil),
        (.init(rate: .init(perSecond: 1_000_000, burst: 1_000_000)), nil),
        (.init(rate: .init(perSecond: 1_000_001, burst: 1)), "rate.perSecond: 1000001 is out of range"),
        (.init(rate: .init(perSecond: 1, burst: 0)), "rate.burst: 0 is out of range; it must be from 1 to 1000000"),
        (.init(rate: .init(perSecond: 1, burst: 1_000_001)), "rate.burst: 1000001 is out of range"),
        (.init(perListener: .init(rate: .init(perSecond: 1, burst: 0))), "perListener.rate.burst: 0 is out of range"),
        (.init(perSource: .init(maximumOpen: -1)), "perSource.maximumOpen: -1 is out of range; it must be 0 or more"),
        (.init(perSource: .init(rate: .init(perSecond: 1, burst: 0))), "perSource.rate.burst: 0 is out of range"),
        (
            .init(perSource: .init(ipv4PrefixLength: -1)),
            "perSource.ipv4PrefixLength: -1 is out of range; it must be from 0 to 32"
        ),
        (.init(perSource: .init(ipv4PrefixLength: 0, ipv6PrefixLength: 0)), nil),
        (.init(perSource: .init(ipv4PrefixLength: 32, ipv6PrefixLength: 128)), nil),
        (.init(perSource: .init(ipv6PrefixLength: 129)), "perSource.ipv6PrefixLength: 129 is out of range"),
        (
            .init(perSource: .init(whenReached: .wait)),
            "perSource.whenReached: wait is out of range; it must be reset or"
        ),
        (.init(whenReached: .lastWord([])), "whenReached: a last word of 0 bytes is out of range"),
        (.init(whenReached: .lastWord(Array(repeating: 1, count: 16_384))), nil),
        (.init(whenReached: .lastWord(Array(repeating: 1, count: 16_385))), "whenReached: a last word of 16385 bytes"),
    ]

    @Test(arguments: limits) func aLimitOutOfRangeIsAnErrorThatNamesIt(limits: AdmissionLimits, message: String?) throws
    {
        let admission = try Admission(AdmissionLimits(maximumOpen: 7))
        guard let message else {
            try admission.setLimits(limits)
            #expect(admission.limits == limits)
            return
        }
        for error in [
            #expect(throws: ServerError.self) { try Admission(limits) },
            #expect(throws: ServerError.self) { try admission.setLimits(limits) },
        ] {
            #expect(error?.code == .invalidOption)
            #expect(error?.description.hasPrefix("AdmissionLimits.\(message)") == true, "\(String(describing: error))")
        }
        #expect(admission.limits == AdmissionLimits(maximumOpen: 7))
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1
    }
}
