import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// The contract that the loop relies on, as the protocol `Engine` has it: each point on every engine.
///
/// `TestedEngine` has the engines, and names the points that one of them cannot show. This file: operations and their completions. The
/// others: accepting, receiving, sending, and waiting.
@Suite struct EngineConformanceTests {
    /// Bytes that do not repeat before 65,521 of them.
    static func pattern(_ count: Int) -> [UInt8] { Array(long[..<count]) }

    /// A mebibyte of them: more than a connection takes while its client does not read.
    static let long: [UInt8] = {
        let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 { bytes += block }
        return Array(bytes[..<(1 << 20)])
    }()

    /// Whether one begins with the other. By the C library, since a debug build compares byte by byte.
    static func starts(_ bytes: [UInt8], with start: [UInt8]) -> Bool {
        start.count <= bytes.count && memcmp(bytes, start, start.count) == 0
    }

    // Order.

    @Test(arguments: TestedEngine.all, [false, true])
    func theNextEnterFreesTheDescriptorOfAClose(engine: TestedEngine, silently: Bool) throws {
        let isPrompt = engine.carriesOutAtOnce
        try engine.check { engine, world in
            let client = try world.makeConnection()
            engine.submit(.close(descriptor: client.server), .of(.close, 1), silently: silently)
            #expect(client.isServerOpen == !isPrompt)
            try engine.poll()
            #expect(client.isServerOpen == false)
            #expect(try client.readToEnd() == ConformanceReading())
            let completions = try engine.settle()
            if !silently || !completions.isEmpty {
                #expect(completions == [Completion(token: .of(.close, 1), result: 0)])
            }
        }
    }

    @Test(arguments: TestedEngine.all, [4, 64])
    func operationsAreCarriedOutInTheOrderOfSubmission(engine: TestedEngine, depth: Int) throws {
        // In one queue full, and in many.
        try engine.check(.init(quantum: 64, submissionDepth: depth)) { engine, world in
            let client = try world.makeConnection()
            let bytes = TestBytes(Self.pattern(40))
            for index in 0..<40 {
                engine.submit(
                    .send(descriptor: client.server, bytes: bytes.part(index..<index + 1)),
                    .of(.send, index)
                )
            }
            engine.submit(.close(descriptor: client.server), .of(.close, 0))
            try engine.poll()
            #expect(client.isServerOpen == false)
            #expect(engine.hasUnsubmitted == false)
            #expect(try client.readToEnd() == ConformanceReading(bytes: Self.pattern(40)))
            let completions = try engine.take(41)
            #expect(Set(completions.map(\.token)) == Set((0..<40).map { .of(.send, $0) } + [.of(.close, 0)]))
            #expect(completions.count == 41)
            #expect(completions.filter { !$0.isLast } == [])
            #expect(completions.reduce(0) { $0 + $1.result } == 40)
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all(showing: .shortageOfMemory))
    func whatAKernelShortOfMemoryDoesNotTakeIsKeptInItsOrder(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let client = try world.makeConnection()
            let bytes = TestBytes(Self.pattern(4))
            for index in 0..<4 {
                let send = NBEngine.Operation.send(
                    descriptor: client.server,
                    bytes: bytes.part(index..<index + 1)
                )
                engine.submit(send, .of(.send, index))
            }
            engine.submit(.close(descriptor: client.server), .of(.close, 4))
            world.makeMemoryShort(after: 2)
            try engine.poll()
            #expect(engine.takeAll().map(\.token) == [.of(.send, 0), .of(.send, 1)])
            #expect(engine.hasUnsubmitted == true)
            #expect(client.isServerOpen == true)
            let retryTime = try #require(engine.retryTime)
            #expect(retryTime > engine.now)
            world.makeMemoryShort(after: 0)
            try engine.poll()
            #expect(engine.takeAll() == [])
            // It waits until then, though nothing completes.
            try engine.enter(until: nil)
            #expect(try engine.take(3).map(\.token) == [.of(.send, 2), .of(.send, 3), .of(.close, 4)])
            #expect(engine.hasUnsubmitted == false)
            #expect(engine.retryTime == nil)
            #expect(try client.readToEnd() == ConformanceReading(bytes: Self.pattern(4)))
        }
    }

    // Completions.

    @Test(arguments: TestedEngine.all)
    func moreCompletionsThanTheQuantumAreKept(engine: TestedEngine) throws {
        try engine.check(.init(quantum: 8, submissionDepth: 8)) { engine, world in
            for index in 0..<50 {
                engine.submit(.cancel(.of(.send, 1_000 + index), descriptor: -1), .of(.cancel, index))
            }
            let completions = try engine.take(50)
            #expect(completions.map(\.token.slot).sorted() == (0..<50).map { UInt32($0) })
            #expect(completions.filter { $0.result != -ENOENT || !$0.isLast } == [])
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func completionsThatDoNotFitComeTheNextTime(engine: TestedEngine) throws {
        try engine.check { engine, world in
            for index in 0..<5 {
                engine.submit(.cancel(.of(.send, 1_000 + index), descriptor: -1), .of(.cancel, index))
            }
            try engine.poll()
            var taken: [Completion] = []
            for count in [2, 2, 1, 0] {
                #expect(engine.hasCompletions == (count > 0))
                #expect(engine.isPending == (count > 0))
                let some = engine.take(capacity: 2)
                #expect(some.count == count)
                taken += some
            }
            #expect(taken.map(\.token.slot).sorted() == [0, 1, 2, 3, 4])
        }
    }

    @Test(arguments: TestedEngine.all)
    func whatTheEngineSaysOfItselfIsTrue(engine: TestedEngine) throws {
        let isPrompt = engine.carriesOutAtOnce
        try engine.check { engine, world in
            let client = try world.makeConnection()
            let byte = TestBytes([7])
            func expect(_ expected: Set<Said>, sourceLocation: SourceLocation = #_sourceLocation) {
                var said: Set<Said> = []
                if engine.hasUnsubmitted { said.insert(.unsubmitted) }
                if engine.isPending { said.insert(.pending) }
                if engine.hasCompletions { said.insert(.completions) }
                #expect(said == expected, sourceLocation: sourceLocation)
                #expect(engine.retryTime == nil, sourceLocation: sourceLocation)
            }
            expect([])
            engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, 1))
            // It is to look for input.
            expect(isPrompt ? [.pending] : [.unsubmitted])
            try engine.poll()
            expect([])
            engine.submit(.send(descriptor: client.server, bytes: byte.whole), .of(.send, 1))
            expect(isPrompt ? [.pending, .completions] : [.unsubmitted])
            try engine.poll()
            expect([.pending, .completions])
            #expect(engine.takeAll() == [Completion(token: .of(.send, 1), result: 1)])
            expect([])
            client.say([1, 2, 3])
            #expect(try engine.take(1) == [Completion(token: .of(.discardInput, 1), result: 3)])
            expect([])
        }
    }

    /// What an engine says of itself.
    private enum Said {
        case unsubmitted, pending, completions
    }

    @Test(arguments: TestedEngine.all)
    func everyOperationEndsOnceWithItsToken(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            let event = try EventDescriptor()
            #expect(engine.openReceiveBuffers() == 0)
            let clients = try (0..<4).map { _ in try world.makeConnection() }
            let (bytes, count) = (TestBytes(Self.pattern(100)), TestCounter())
            engine.submit(.accept(listener: listener, .oneShot), .of(.accept, 1))
            engine.submit(.read(descriptor: event.descriptor, into: count.memory, count: 8), .of(.wakeUp, 2))
            engine.submit(.send(descriptor: clients[0].server, bytes: bytes.whole), .of(.send, 3))
            engine.submit(.receive(descriptor: clients[1].server, .oneShot), .of(.receive, 4))
            engine.submit(.discardInput(descriptor: clients[2].server), .of(.discardInput, 5))
            engine.submit(.cancel(.of(.send, 77), descriptor: clients[0].server), .of(.cancel, 6))
            engine.submit(.disconnect(descriptor: clients[3].server), .of(.disconnect, 7))
            engine.submit(.close(descriptor: clients[3].server), .of(.close, 8))
            var completions = try engine.take(4)
            #expect(Set(completions.map(\.token.slot)) == [3, 6, 7, 8])
            try world.connect(1, to: listener)
            event.signal()
            clients[1].say([1])
            clients[2].say([2])
            completions += try engine.take(4)
            #expect(completions.map(\.token.slot).sorted() == [1, 2, 3, 4, 5, 6, 7, 8])
            #expect(completions.filter { !$0.isLast } == [])
            let results = Dictionary(completions.map { ($0.token, $0.result) }) { $1 }
            #expect(results[.of(.wakeUp, 2)] == 8)
            #expect(results[.of(.send, 3)] == 100)
            #expect(results[.of(.receive, 4)] == 1)
            #expect(results[.of(.discardInput, 5)] == 1)
            #expect(results[.of(.cancel, 6)] == -ENOENT)
            #expect(results[.of(.disconnect, 7)] == 0)
            #expect(results[.of(.close, 8)] == 0)
            #expect(try world.adopt(completions.filter { $0.token.kind == TokenKind.accept.rawValue }.map(\.result)))
            #expect(try engine.settle() == [])
        }
    }

    // Silence.

    @Test(arguments: TestedEngine.all)
    func onlyASuccessIsSilent(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let clients = try (0..<2).map { _ in try world.makeConnection() }
            let bytes = TestBytes([1, 2, 3])
            clients[1].reset()
            try clients[1].awaitArrivalOfEnd()
            // The reset is told once.
            #expect(try engine.result(of: .discardInput(descriptor: clients[1].server)) == -ECONNRESET)
            for client in clients.indices {
                let send = NBEngine.Operation.send(descriptor: clients[client].server, bytes: bytes.whole)
                engine.submit(send, .of(.send, client), silently: true)
            }
            engine.submit(.cancel(.of(.send, 77), descriptor: clients[1].server), .of(.cancel, 3), silently: true)
            let completions = try engine.take(2) + engine.settle()
            let success = completions.filter { $0.token == .of(.send, 0) }
            #expect(success.isEmpty || success == [Completion(token: .of(.send, 0), result: 3)])
            let others = completions.filter { $0.token != .of(.send, 0) }
            #expect(others.map(\.token.slot).sorted() == [1, 3])
            #expect(others.first { $0.token == .of(.send, 1) }?.result == -EPIPE)
            #expect(others.first { $0.token == .of(.cancel, 3) }?.result == -ENOENT)
        }
    }

    /// Nothing is submitted for it, and the number may be another's at once.
    @Test(arguments: TestedEngine.all)
    func aCloseByACallFreesTheDescriptorAtOnce(engine: TestedEngine) throws {
        try engine.check { engine, world in
            for _ in 0..<3 {
                let client = try world.makeConnection()
                // The engine knows the descriptor: something has waited on it.
                engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, 1))
                #expect(try engine.settle() == [])
                client.say([1])
                #expect(try engine.take(1) == [Completion(token: .of(.discardInput, 1), result: 1)])
                engine.close(client.server)
                #expect(client.isServerOpen == false)
                #expect(engine.hasUnsubmitted == false)
                #expect(try client.readToEnd() == ConformanceReading())
                #expect(try engine.settle() == [])
            }
        }
    }

    /// As they are given: what is between them stays open, and the engine keeps nothing of them for the next sockets with their numbers.
    @Test(arguments: TestedEngine.all)
    func closesByACallFreeTheDescriptorsAtOnce(engine: TestedEngine) throws {
        try engine.check { engine, world in
            for _ in 0..<2 {
                let clients = try (0..<5).map { _ in try world.makeConnection() }
                for client in clients {
                    engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, 1))
                    #expect(try engine.settle() == [])
                    client.say([1])
                    #expect(try engine.take(1) == [Completion(token: .of(.discardInput, 1), result: 1)])
                }
                let closed = [0, 1, 2, 4].map { clients[$0] }
                engine.close(closed.map(\.server))
                #expect(clients.map(\.isServerOpen) == [false, false, false, true, false])
                #expect(engine.hasUnsubmitted == false)
                for client in closed { #expect(try client.readToEnd() == ConformanceReading()) }
                #expect(try engine.settle() == [])
                engine.close(clients[3].server)
                #expect(try clients[3].readToEnd() == ConformanceReading())
            }
        }
    }

    @Test(arguments: TestedEngine.all(showing: .refusedClose))
    func aFailedCloseIsNotSilent(engine: TestedEngine) throws {
        try engine.check { engine, world in
            engine.submit(.close(descriptor: -1), .of(.close, 1), silently: true)
            let completions = try engine.take(1)
            #expect(completions == [Completion(token: .of(.close, 1), result: -EBADF)])
        }
    }

    // Cancels.

    @Test(arguments: TestedEngine.all)
    func aCancelEndsWhatWaitsAndNothingElse(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            #expect(engine.openReceiveBuffers() == 0)
            let clients = try (0..<3).map { _ in try world.makeConnection() }
            let (bytes, count) = (TestBytes(Self.long), TestCounter())
            engine.submit(.send(descriptor: clients[0].server, bytes: bytes.whole), .of(.send, 1))
            engine.submit(.receive(descriptor: clients[1].server, .oneShot), .of(.receive, 2))
            engine.submit(.discardInput(descriptor: clients[2].server), .of(.discardInput, 3))
            engine.submit(.read(descriptor: event.descriptor, into: count.memory, count: 8), .of(.wakeUp, 4))
            #expect(try engine.settle() == [])
            // The same slot and another life, or another kind; a token that was never seen.
            let strangers: [Token] = [Token(.receive, generation: 7, slot: 2), .of(.send, 2), .of(.send, 55)]
            for descriptor in clients.map(\.server) + [-1] {
                for stranger in strangers {
                    let cancel = NBEngine.Operation.cancel(stranger, descriptor: descriptor)
                    #expect(try engine.result(of: cancel, .of(.cancel, 9)) == -ENOENT)
                }
            }
            let cancelled: [Token] = [.of(.send, 1), .of(.receive, 2), .of(.discardInput, 3), .of(.wakeUp, 4)]
            let descriptors = clients.map(\.server) + [event.descriptor]
            for (token, descriptor) in zip(cancelled, descriptors) {
                engine.submit(.cancel(token, descriptor: descriptor), .of(.cancel, Int(token.slot)))
            }
            let completions = try engine.take(8)
            #expect(completions.count == 8)
            #expect(completions.filter { !$0.isLast } == [])
            for token in cancelled {
                let cancel = completions.filter { $0.token == .of(.cancel, Int(token.slot)) }
                #expect(cancel.map(\.result) == [0])
                let result = completions.first { $0.token == token }?.result ?? 0
                // A send ends with what it had sent.
                if token.slot == 1 { #expect(result > 0 && result < 1 << 20) } else { #expect(result == -ECANCELED) }
            }
            // What is over is not there.
            for (token, descriptor) in zip(cancelled, descriptors) {
                let cancel = NBEngine.Operation.cancel(token, descriptor: descriptor)
                #expect(try engine.result(of: cancel, .of(.cancel, 9)) == -ENOENT)
            }
            // They have taken nothing along.
            clients[1].say([1, 2])
            clients[2].say([1, 2, 3])
            event.signal()
            #expect(try engine.result(of: .receive(descriptor: clients[1].server, .oneShot), .of(.receive, 2)) == 2)
            #expect(
                try engine.result(
                    of: .discardInput(descriptor: clients[2].server),
                    .of(.discardInput, 3)
                ) == 3
            )
            #expect(
                try engine.result(
                    of: .read(descriptor: event.descriptor, into: count.memory, count: 8),
                    .of(.wakeUp, 4)
                ) == 8
            )
        }
    }

    // Descriptors that leave, or come again.

    @Test(arguments: TestedEngine.all)
    func aNumberThatIsUsedAgainStartsAnew(engine: TestedEngine) throws {
        try engine.check { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            for round in 0..<20 {
                let client = try world.makeConnection()
                // By turns the bytes are there before, and come later.
                if round.isMultiple(of: 2) { client.say([1, 2, UInt8(round)]) }
                engine.submit(.receive(descriptor: client.server, .oneShot), .of(.receive, round))
                if !round.isMultiple(of: 2) {
                    #expect(try engine.settle() == [])
                    client.say([1, 2, UInt8(round)])
                }
                let completion = try #require(try engine.take(1).first)
                #expect(completion.token == .of(.receive, round))
                #expect(engine.bytes(of: completion) == [1, 2, UInt8(round)])
                engine.returnBuffer(try #require(completion.buffer))
                client.end()
                #expect(try engine.result(of: .discardInput(descriptor: client.server)) == 0)
                engine.submit(.close(descriptor: client.server), .of(.close, round), silently: true)
                try engine.poll()
                #expect(try client.readToEnd() == ConformanceReading())
                _ = engine.takeAll()
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func aForgottenDescriptorIsItsNewOwners(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            #expect(engine.openReceiveBuffers() == 0)
            let (client, byte) = (try world.makeConnection(), TestBytes([1]))
            client.say([1])
            engine.submit(.receive(descriptor: client.server, .oneShot), .of(.receive, 1))
            engine.returnBuffer(try #require(try engine.take(1).first?.buffer))
            engine.submit(.receive(descriptor: client.server, .oneShot), .of(.receive, 2))
            _ = try engine.settle()
            engine.submit(.cancel(.of(.receive, 2), descriptor: client.server), .of(.cancel, 2), silently: true)
            engine.submit(.send(descriptor: client.server, bytes: byte.whole), .of(.send, 1))
            let ends = try engine.take(2) + engine.settle()
            #expect(Set(ends.map(\.token)).isSuperset(of: [.of(.receive, 2), .of(.send, 1)]))
            engine.forget(client.server)
            #expect(try engine.turnUntilResting() == [])
            client.say([2, 3])
            try client.awaitArrival(of: 2)
            // Nothing of it is the engine's any more.
            #expect(world.isReadable(descriptor, patiently: false) == false)
            #expect(engine.isPending == false)
            #expect(try engine.settle() == [])
            #expect(client.isServerOpen == true)
            #expect(client.readAsServer(upTo: 10) == [2, 3])
            try client.speakAsServer([4])
            client.closeServer()
            #expect(try client.readToEnd() == ConformanceReading(bytes: [1, 4]))
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all, [4, 64])
    func anAbandonedEngineNamesTheClosesItHasNotCarriedOut(engine: TestedEngine, depth: Int) throws {
        let isPrompt = engine.carriesOutAtOnce
        try engine.check(.init(submissionDepth: depth)) { engine, world in
            let clients = try (0..<3).map { _ in try world.makeConnection() }
            engine.submit(.close(descriptor: clients[0].server), .of(.close, 0), silently: true)
            try engine.poll()
            engine.submit(.close(descriptor: clients[1].server), .of(.close, 1), silently: true)
            engine.submit(.cancel(.of(.send, 77), descriptor: -1), .of(.cancel, 0))
            engine.submit(.close(descriptor: clients[2].server), .of(.close, 2), silently: true)
            #expect(engine.abandon().sorted() == (isPrompt ? [] : [clients[1].server, clients[2].server].sorted()))
            #expect(clients.map(\.isServerOpen) == [false, !isPrompt, !isPrompt])
        }
    }
}
