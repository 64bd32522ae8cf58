import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

// Sending, and ending a connection with a reset.
extension EngineConformanceTests {
    @Test(arguments: TestedEngine.all, [false, true])
    func aWaitingSendSendsAllThroughASlowReader(engine: TestedEngine, isScattered: Bool) throws {
        try engine.check { engine, world in
            let (client, pattern) = (try world.makeConnection(), Self.long)
            let bytes = TestBytes(pattern)
            let send = NBEngine.Operation.send(
                descriptor: client.server,
                bytes: isScattered ? bytes.scattered : bytes.whole
            )
            engine.submit(send, .of(.send, 1))
            // The client does not read yet, and the send waits.
            #expect(try engine.settle() == [])
            var received: [UInt8] = []
            var completions: [Completion] = []
            let end = ContinuousClock.now + Patience.limit
            while completions.isEmpty && ContinuousClock.now < end {
                received += client.read(upTo: 50_000)
                completions += try engine.settle()
            }
            #expect(completions == [Completion(token: .of(.send, 1), result: 1 << 20)])
            #expect(try engine.result(of: .close(descriptor: client.server), .of(.close, 1)) == 0)
            let rest = try client.readToEnd()
            #expect(rest.ending == .finished)
            let all = received + rest.bytes
            let isWhole = all.count == pattern.count && Self.starts(all, with: pattern)
            #expect(isWhole)
        }
    }

    /// No completion comes for bytes that are all taken. Of others the same enter tells how many were: no byte is sent that is not counted.
    /// An engine that does not tell them apart does not say that it sends at once, and is not asked to. One that carries operations out when
    /// they are submitted knows at once that all were taken.
    @Test(arguments: TestedEngine.all, [false, true])
    func aSendAtOnceTellsHowMuchWasTakenIfItIsNotAll(engine: TestedEngine, isScattered: Bool) throws {
        let isPrompt = engine.carriesOutAtOnce
        try engine.check { engine, world in
            guard engine.features.sendsAtOnce else { return }
            let (client, pattern) = (try world.makeConnection(), Self.long)
            let (short, long) = (TestBytes([1, 2, 3]), TestBytes(pattern))
            func send(_ bytes: NBEngine.Operation.Bytes, _ number: Int) throws -> (isSent: Bool, [Completion]) {
                let isSent = engine.sendAtOnce(bytes, to: client.server, .of(.send, number))
                try engine.poll()
                return (isSent, engine.take(capacity: 16))
            }
            let first = try send(short.whole, 1)
            #expect(first == (isPrompt, []))
            let (isSent, told) = try send(isScattered ? long.scattered : long.whole, 2)
            #expect(!isSent)
            #expect(told.map(\.token) == [.of(.send, 2)])
            let taken = Int(try #require(told.first).result)
            #expect((1..<pattern.count).contains(taken))
            #expect(try engine.settle() == [])
            #expect(try engine.result(of: .close(descriptor: client.server), .of(.close, 1)) == 0)
            let read = try client.readToEnd()
            let isWhole = read.bytes.count == 3 + taken && Self.starts([1, 2, 3] + pattern, with: read.bytes)
            #expect(isWhole)
        }
    }

    @Test(arguments: TestedEngine.all)
    func aSendAtOnceOnAResetConnectionFailsWithAWord(engine: TestedEngine) throws {
        try engine.check { engine, world in
            guard engine.features.sendsAtOnce else { return }
            let (client, bytes) = (try world.makeConnection(), TestBytes([1, 2, 3]))
            client.reset()
            #expect(
                try engine.result(of: .discardInput(descriptor: client.server), .of(.discardInput, 1))
                    == -ECONNRESET
            )
            #expect(engine.sendAtOnce(bytes.whole, to: client.server, .of(.send, 1)) == false)
            try engine.poll()
            #expect(engine.take(capacity: 16) == [Completion(token: .of(.send, 1), result: -EPIPE)])
        }
    }

    @Test(arguments: TestedEngine.all)
    func aSendOnAResetConnectionFailsWithoutASignal(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let (client, bytes) = (try world.makeConnection(), TestBytes([1, 2, 3]))
            client.reset()
            #expect(
                try engine.result(of: .discardInput(descriptor: client.server), .of(.discardInput, 1))
                    == -ECONNRESET
            )
            var results: [Int32] = []
            let signals = try world.raisesPipeSignal {
                for bytes in [bytes.whole, bytes.scattered] {
                    results.append(
                        try engine.result(of: .send(descriptor: client.server, bytes: bytes), .of(.send, 1))
                    )
                }
            }
            #expect(results == [-EPIPE, -EPIPE])
            #expect(signals == false)
        }
    }

    @Test(arguments: TestedEngine.all)
    func aSendThatWaitsEndsWithAReset(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let (client, bytes) = (try world.makeConnection(), TestBytes(Self.long))
            engine.submit(.send(descriptor: client.server, bytes: bytes.whole), .of(.send, 1))
            #expect(try engine.settle() == [])
            client.reset()
            let completions = try engine.take(1)
            #expect(completions.map(\.token) == [.of(.send, 1)])
            #expect(completions.map(\.isLast) == [true])
            // With what it had sent.
            #expect(completions[0].result > 0 && completions[0].result < 1 << 20)
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func aDisconnectResetsThePeerAndEndsWhatIsInFlight(engine: TestedEngine) throws {
        try engine.check { engine, world in
            #expect(engine.openReceiveBuffers() == 0)
            let (client, pattern) = (try world.makeConnection(), Self.long)
            let bytes = TestBytes(pattern)
            engine.submit(.send(descriptor: client.server, bytes: bytes.whole), .of(.send, 1))
            engine.submit(.receive(descriptor: client.server, .oneShot), .of(.receive, 2))
            #expect(try engine.settle() == [])
            engine.submit(.disconnect(descriptor: client.server), .of(.disconnect, 3))
            let completions = try engine.take(3)
            #expect(completions.map(\.token.slot).sorted() == [1, 2, 3])
            #expect(completions.filter { !$0.isLast } == [])
            #expect(completions.first { $0.token.slot == 3 }?.result == 0)
            let sent = Int(completions.first { $0.token.slot == 1 }?.result ?? 0)
            #expect(sent > 0 && sent < 1 << 20)
            // The kernel tells of the reset once, to whichever of the two it goes on with first.
            let received = completions.first { $0.token.slot == 2 }?.result ?? 0
            #expect([-ECONNRESET, -ENOTCONN].contains(received))
            #expect(client.isServerOpen == true)
            let reading = try client.readToEnd()
            #expect(reading.ending == .reset)
            #expect(reading.bytes.count <= sent)
            #expect(Self.starts(pattern, with: reading.bytes))
            #expect(try engine.settle() == [])
            #expect(try engine.result(of: .close(descriptor: client.server), .of(.close, 4)) == 0)
            #expect(client.isServerOpen == false)
        }
    }

    /// As the loop does it to a connection whose time is up.
    @Test(arguments: TestedEngine.all)
    func cancelsADisconnectAndACloseGoInOneEnter(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let (client, bytes) = (try world.makeConnection(), TestBytes(Self.long))
            engine.submit(.send(descriptor: client.server, bytes: bytes.whole), .of(.send, 1))
            engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, 2))
            #expect(try engine.settle() == [])
            engine.submit(.cancel(.of(.send, 1), descriptor: client.server), .of(.cancel, 3), silently: true)
            engine.submit(.cancel(.of(.discardInput, 2), descriptor: client.server), .of(.cancel, 4), silently: true)
            engine.submit(.disconnect(descriptor: client.server), .of(.disconnect, 5), silently: true)
            engine.submit(.close(descriptor: client.server), .of(.close, 6), silently: true)
            try engine.poll()
            #expect(client.isServerOpen == false)
            let completions = try engine.take(2) + engine.settle()
            let ends = completions.filter { $0.token.slot <= 2 }
            #expect(ends.map(\.token.slot).sorted() == [1, 2])
            #expect(completions.filter { $0.token.slot > 2 && $0.result < 0 } == [])
            #expect(ends.filter { !$0.isLast } == [])
            #expect(try client.readToEnd().ending == .reset)
        }
    }

    @Test(arguments: TestedEngine.all)
    func discardedConnectionsAreReset(engine: TestedEngine) throws {
        // As the loop does it to those whom it cannot serve.
        try engine.check { engine, world in
            let client = try world.makeConnection()
            client.say([1])
            engine.submit(.disconnect(descriptor: client.server), .of(.disconnect, 0), silently: true)
            engine.submit(.close(descriptor: client.server), .of(.close, 0), silently: true)
            try engine.poll()
            #expect(client.isServerOpen == false)
            #expect(try client.readToEnd() == ConformanceReading(ending: .reset))
            #expect(try engine.settle().filter { $0.result != 0 } == [])
        }
    }
}
