import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

// Receiving, and throwing away what was received.
extension EngineConformanceTests {
    @Test(arguments: TestedEngine.all, [false, true])
    func aReceiveThatWaitsHoldsNoBuffer(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 1)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            #expect(engine.openReceiveBuffers() == 0)
            let clients = try (0..<11).map { _ in try world.makeConnection() }
            for (index, client) in clients.enumerated() {
                engine.submit(
                    .receive(descriptor: client.server, .oneShot, waitsFirst: waitsFirst),
                    .of(.receive, index)
                )
            }
            #expect(try engine.settle() == [])
            // The last first: the one buffer is there for each.
            for (index, client) in clients.enumerated().reversed() {
                client.say([UInt8(index), 7])
                let completions = try engine.take(1)
                #expect(completions.map(\.token) == [.of(.receive, index)])
                #expect(engine.bytes(of: completions[0]) == [UInt8(index), 7])
                engine.returnBuffer(try #require(completions[0].buffer))
                #expect(try engine.settle() == [])
            }
        }
    }

    @Test(arguments: TestedEngine.all, [false, true])
    func withoutABufferTheBytesStay(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 1)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let clients = try [world.makeConnection(), world.makeConnection()]
            for (index, client) in clients.enumerated() {
                client.say([UInt8(index), 8, 9])
                try client.awaitArrival(of: 3)
            }
            engine.submit(.receive(descriptor: clients[0].server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 0))
            let first = try #require(try engine.take(1).first)
            for _ in 0..<3 {
                #expect(
                    try engine.result(
                        of: .receive(descriptor: clients[1].server, .oneShot, waitsFirst: waitsFirst),
                        .of(.receive, 1)
                    )
                        == -ENOBUFS
                )
            }
            #expect(engine.bytes(of: first) == [0, 8, 9])
            engine.returnBuffer(try #require(first.buffer))
            engine.submit(.receive(descriptor: clients[1].server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 1))
            let second = try #require(try engine.take(1).first)
            #expect(second.token == .of(.receive, 1))
            #expect(engine.bytes(of: second) == [1, 8, 9])
        }
    }

    /// Where something waits for bytes while the last buffer is out.
    @Test(arguments: TestedEngine.all, [false, true])
    func aReceiveThatWaitedEndsWithoutABuffer(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 1)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let clients = try [world.makeConnection(), world.makeConnection()]
            for (index, client) in clients.enumerated() {
                engine.submit(
                    .receive(descriptor: client.server, .oneShot, waitsFirst: waitsFirst),
                    .of(.receive, index)
                )
            }
            #expect(try engine.settle() == [])
            clients[0].say([1])
            let first = try #require(try engine.take(1).first)
            clients[1].say([2, 3])
            #expect(try engine.take(1) == [Completion(token: .of(.receive, 1), result: -ENOBUFS)])
            #expect(engine.bytes(of: first) == [1])
            engine.returnBuffer(try #require(first.buffer))
            engine.submit(.receive(descriptor: clients[1].server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 1))
            let second = try #require(try engine.take(1).first)
            #expect(engine.bytes(of: second) == [2, 3])
        }
    }

    @Test(arguments: TestedEngine.all, [false, true])
    func longInputComesInOrderAndInBuffersThatAreUsedAgain(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 2, bufferSize: 64)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let client = try world.makeConnection()
            client.say(Self.pattern(3_000))
            client.end()
            try client.awaitArrival(of: 3_000)
            try client.awaitArrivalOfEnd()
            var (received, used): ([UInt8], Set<UInt16>) = ([], [])
            // Nothing arrives any more, and no receive may wait for it.
            for _ in 0..<1_000 {
                engine.submit(.receive(descriptor: client.server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 1))
                let completion = try #require(try engine.take(1).first)
                #expect(completion.isLast == true)
                if let buffer = completion.buffer {
                    received += try #require(engine.bytes(of: completion))
                    used.insert(buffer)
                    engine.returnBuffer(buffer)
                }
                try #require(completion.result >= 0 && completion.result <= 64)
                if completion.result == 0 { break }
            }
            #expect(received == Self.pattern(3_000))
            #expect(used.isSubset(of: [0, 1]))
        }
    }

    @Test(arguments: TestedEngine.all, [false, true])
    func aReceiveGoesOnWhereTheEngineSaysSoAndEndsWithTheStream(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 2)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let client = try world.makeConnection()
            let goesOn = engine.features.receivesMultishot
            let mode: NBEngine.Operation.ReceiveMode = goesOn ? .multishot : .oneShot
            engine.submit(.receive(descriptor: client.server, mode, waitsFirst: waitsFirst), .of(.receive, 1))
            #expect(try engine.settle() == [])
            for round in 0..<10 {
                client.say([UInt8(round), 2, 3])
                let completions = try engine.take(1)
                #expect(completions.map(\.token) == [.of(.receive, 1)])
                #expect(completions.map(\.isLast) == [!goesOn])
                #expect(engine.bytes(of: completions[0]) == [UInt8(round), 2, 3])
                engine.returnBuffer(try #require(completions[0].buffer))
                if !goesOn {
                    engine.submit(.receive(descriptor: client.server, mode, waitsFirst: waitsFirst), .of(.receive, 1))
                }
            }
            client.end()
            let end = try engine.take(1)
            #expect(end.map(\.token) == [.of(.receive, 1)])
            #expect(end.map(\.result) == [0])
            #expect(end.map(\.isLast) == [true])
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all, [false, true])
    func aReceiveThatGoesOnEndsWhenNoBufferIsLeft(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check(.init(bufferCount: 2, bufferSize: 16)) { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let client = try world.makeConnection()
            client.say(Self.pattern(40))
            try client.awaitArrival(of: 40)
            let goesOn = engine.features.receivesMultishot
            let mode: NBEngine.Operation.ReceiveMode = goesOn ? .multishot : .oneShot
            var received: [Completion] = []
            repeat {
                engine.submit(.receive(descriptor: client.server, mode, waitsFirst: waitsFirst), .of(.receive, 1))
                repeat { received += try engine.take(1) } while received.last?.isLast != true
            } while received.last?.result ?? 0 > 0
            #expect(received.map(\.result) == [16, 16, -ENOBUFS])
            #expect(received.map(\.isLast) == [!goesOn, !goesOn, true])
            var bytes = received.prefix(2).flatMap { engine.bytes(of: $0) ?? [] }
            for completion in received.prefix(2) { engine.returnBuffer(try #require(completion.buffer)) }
            engine.submit(.receive(descriptor: client.server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 2))
            bytes += engine.bytes(of: try #require(try engine.take(1).first)) ?? []
            #expect(bytes == Self.pattern(40))
        }
    }

    @Test(arguments: TestedEngine.all, [false, true])
    func aResetEndsAReceive(engine: TestedEngine, waitsFirst: Bool) throws {
        try engine.check { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let client = try world.makeConnection()
            engine.submit(.receive(descriptor: client.server, .oneShot, waitsFirst: waitsFirst), .of(.receive, 1))
            #expect(try engine.settle() == [])
            client.reset()
            #expect(try engine.take(1) == [Completion(token: .of(.receive, 1), result: -ECONNRESET)])
            #expect(try engine.settle() == [])
        }
    }

    // Throwing away.

    @Test(arguments: TestedEngine.all, [false, true])
    func inputIsThrownAwayAndCounted(engine: TestedEngine, isLocal: Bool) throws {
        try engine.check { engine, world in
            let client = try isLocal ? world.makeLocalConnection() : world.makeConnection()
            let discard: NBEngine.Operation =
                isLocal ? .discardByReading(descriptor: client.server) : .discardInput(descriptor: client.server)
            for count in [1, 5_000] {
                client.say(Self.pattern(count))
                try client.awaitArrival(of: count)
                #expect(try engine.result(of: discard, .of(.discardInput, 1)) == Int32(count))
                engine.submit(discard, .of(.discardInput, 1))
                #expect(try engine.settle() == [])
                client.say([1])
                #expect(try engine.take(1) == [Completion(token: .of(.discardInput, 1), result: 1)])
            }
            engine.submit(discard, .of(.discardInput, 1))
            #expect(try engine.settle() == [])
            client.end()
            #expect(try engine.take(1) == [Completion(token: .of(.discardInput, 1), result: 0)])
            #expect(try engine.result(of: discard, .of(.discardInput, 1)) == 0)
            // A close over nothing unread is an end, not a reset.
            #expect(try engine.result(of: .close(descriptor: client.server), .of(.close, 1)) == 0)
            #expect(try client.readToEnd() == ConformanceReading())
        }
    }
}
