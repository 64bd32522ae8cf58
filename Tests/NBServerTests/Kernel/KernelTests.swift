import Glibc
import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// Servers on the real kernel, on every level of io_uring and on epoll: greeted exactly, counted exactly, nothing left open.
@Suite(.serialized) struct KernelTests {
    static let greeting = "No soup for you!\n"

    @Test(arguments: EngineChoice.granted)
    func everyClientIsGreetedOnce(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine) { connection, _ in connection.send(Self.greeting) }
        for _ in 0..<5 {
            let clients = try (0..<100).map { _ in try Client(server.address) }
            for client in clients { #expect(try client.readToEnd() == .end(Self.greeting)) }
        }
        let end = try server.stop()
        #expect(end.counters.delivered == 500)
        #expect(end.counters.discarded == 0)
    }

    @Test(arguments: EngineChoice.granted)
    func aClientThatSpokeFirstEndsCleanly(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine, runsAtOnce: false) { connection, _ in
            connection.send(Self.greeting)
        }
        // They speak while they wait to be accepted.
        let clients = try [1, 1000, 200_000].map { count in
            let client = try Client(server.address)
            client.writeInBackground(count)
            if count < 10_000 { client.waitForWriter() }
            return client
        }
        try clients[2].waitUntilHeard(1)
        try server.run()
        for client in clients {
            #expect(try client.readToEnd() == .end(Self.greeting))
            client.finish()
        }
        try server.stop()
    }

    @Test(arguments: EngineChoice.granted)
    func clientsThatSpeakWhileOthersDidEndCleanly(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine, runsAtOnce: false) { connection, _ in
            connection.send(Self.greeting)
        }
        let first = try Client(server.address)
        first.writeInBackground(1)
        first.waitForWriter()
        var starts = [ContinuousClock.now]
        var mayHaveForgotten = false
        try server.run()
        #expect(try first.readToEnd() == .end(Self.greeting))
        first.finish()
        for number in 1...200 {
            starts.append(.now)
            let client = try Client(server.address)
            client.writeInBackground(20)
            let ending = try client.readToEnd()
            // The server knows for a second that a client spoke. A slow machine may take longer from one to the next; whoever
            // speaks between the look for input and the close is reset then.
            mayHaveForgotten = mayHaveForgotten || .now - starts[max(0, number - 2)] >= .seconds(1)
            let isLost = ending != .end(Self.greeting) && !(mayHaveForgotten && ending == .reset)
            #expect(!isLost, "client \(number): \(ending)")
            client.finish()
        }
        try server.stop()
    }

    @Test(arguments: [false, true])
    func aCloseThatLingersDoesNotHoldUpTheLoop(isRaw: Bool) throws {
        let minute = withUnsafeBytes(of: linger(l_onoff: 1, l_linger: 60)) { Array($0) }
        let raw = SocketOption.raw(level: SOL_SOCKET, name: SO_LINGER, bytes: minute)
        let option = isRaw ? raw : .linger(.seconds(60))
        let server = try RunningServer(engine: .ring(.linux6_1), socketOptions: [option]) {
            connection,
            _ in
            connection.send([UInt8](repeating: 1, count: 200_000))
        }
        // If its close waited for it to read, nobody would be served for a minute.
        let slow = try Client(server.address)
        server.waitForDeliveries(1)
        for _ in 0..<10 { #expect(try Client(server.address).readBytesToEnd(chunk: 65536).count == 200_000) }
        #expect(try slow.readBytesToEnd(chunk: 65536).count == 200_000)
        try server.stop()
    }

    @Test func aConnectionThatOutlivesTheServerIsResetAndHarmless() throws {
        final class Box { var connection: [HeldConnection] = [] }
        nonisolated(unsafe) let box = Box()
        let server = try RunningServer(engine: .ring(.linux6_1)) { connection, _ in
            box.connection.append(HeldConnection(connection))
        }
        let client = try Client(server.address)
        server.waitForDeliveries(1)
        try server.stop()
        #expect(try client.readToEnd() == .reset)
        // Another file with the number that was the connection's.
        let file = dup(0)
        box.connection = []
        #expect(fcntl(file, F_GETFD) >= 0)
        close(file)
    }

    @Test(arguments: EngineChoice.granted)
    func eightMebibytesArriveAtASlowReader(engine: EngineChoice) throws {
        // No piece is like another. Filled and compared by the C library: an emulated machine takes a minute over a loop.
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        for start in stride(from: 0, to: bytes.count, by: 256) {
            bytes.withUnsafeMutableBytes { _ = getentropy($0.baseAddress! + start, 256) }
        }
        let sent = bytes
        let server = try RunningServer(engine: engine) { connection, _ in connection.send(sent) }
        let client = try Client(server.address)
        let arrived = try client.readBytesToEnd(chunk: 10_000)
        #expect(arrived.count == sent.count)
        let isAsSent = arrived.count == sent.count && memcmp(arrived, sent, sent.count) == 0
        #expect(isAsSent)
        let end = try server.stop()
        #expect(end.counters.expired == 0)
    }

    @Test(arguments: EngineChoice.granted)
    func aPeerThatNeverReadsIsResetAndDoesNotHoldUpTheStop(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine, closeTimeLimit: .milliseconds(100)) { connection, _ in
            connection.send([UInt8](repeating: 1, count: 16 << 20))
        }
        let client = try Client(server.address)
        server.waitForDeliveries(1)
        try server.stop()
        #expect(try client.readToEnd() == .reset)
    }

    @Test(arguments: EngineChoice.granted)
    func aClientThatSpokeAndStaysIsResetWhenTheLimitHasPassed(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine, closeTimeLimit: .milliseconds(100), runsAtOnce: false) {
            connection,
            _ in
            connection.send(Self.greeting)
        }
        let client = try Client(server.address)
        // Before it is accepted, so that what it says does not come between the check and the close.
        client.writeInBackground(10)
        client.waitForWriter()
        try server.run()
        // The client reads its greeting and the end of the stream, and never ends its own side.
        #expect(try client.readToEnd() == .end(Self.greeting))
        let end = try server.stop()
        #expect(end.counters.delivered == 1)
    }

    @Test(arguments: EngineChoice.granted)
    func aResetReachesThePeerAtOnce(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine) { connection, _ in
            connection.send([UInt8](repeating: 1, count: 16 << 20))
            connection.reset()
        }
        let client = try Client(server.address)
        #expect(try client.readToEnd() == .reset)
        try server.stop()
    }

    @Test(arguments: EngineChoice.granted)
    func aDetachedDescriptorIsOpenAndHasSentItsBytes(engine: EngineChoice) throws {
        let detached = Lock<[Int32]>([])
        let server = try RunningServer(engine: engine) { connection, _ in
            connection.send("first\n")
            connection.detach { connection in
                let descriptors = connection.takeDescriptors()
                detached.withLock { $0 += descriptors }
            }
        }
        let client = try Client(server.address)
        #expect(try client.read(6) == "first\n")
        try server.stop()
        let descriptors = detached.withLock { $0 }
        try #require(descriptors.count == 1)
        #expect(fcntl(descriptors[0], F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(descriptors[0], F_GETFD) & FD_CLOEXEC != 0)
        #expect(Glibc.send(descriptors[0], "second\n", 7, 0) == 7)
        close(descriptors[0])
        #expect(try client.readToEnd() == .end("second\n"))
    }

    @Test(arguments: EngineChoice.granted)
    func clientsThatResetBeforeTheyAreAcceptedLeakNothing(engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine, runsAtOnce: false) { connection, _ in
            if connection.peerAddress == nil { connection.send("to nobody") } else { connection.send(Self.greeting) }
        }
        try Crowd.comeAndReset(300, at: server.address)
        try server.run()
        let client = try Client(server.address)
        #expect(try client.readToEnd() == .end(Self.greeting))
        let end = try server.stop()
        #expect(end.counters.delivered == 301)
    }

    @Test func addressesOfPeersAndListenersAreKnown() throws {
        let seen = Lock<[String?]>([])
        let server = try RunningServer(engine: .ring(.linux6_1), listening: "[::1]:0") { connection, _ in
            let addresses = [connection.peerAddress?.description, connection.localAddress?.description]
            seen.withLock { $0 = addresses }
        }
        let client = try Client(server.address)
        #expect(try client.readToEnd() == .end(""))
        #expect(seen.withLock { $0 } == [client.localAddress.description, server.address.description])
        try server.stop()
    }

    @Test func twoServersDoNotKnowOfEachOther() throws {
        let first = try RunningServer(engine: .ring(.linux6_1)) { connection, _ in connection.send("one") }
        let second = try RunningServer(engine: .ring(.linux6_1)) { connection, _ in connection.send("two") }
        #expect(try Client(first.address).readToEnd() == .end("one"))
        try first.stop()
        #expect(try Client(second.address).readToEnd() == .end("two"))
        #expect(throws: Client.Refused.self) { try Client(first.address) }
        try second.stop()
    }

    @Test func descriptorsAreDetachedInTheOrderAskedFor() throws {
        let detached = Lock<[(Int, Int32)]>([])
        let kept = Lock<ConnectionID?>(nil)
        let server = try RunningServer(engine: .ring(.linux6_1)) { connection, context in
            guard let id = kept.withLock({ $0 }) else {
                let id = context.keep(connection)
                kept.withLock { $0 = id }
                return
            }
            try? context.take(id).detach { connection in
                let descriptors = connection.takeDescriptors()
                detached.withLock { $0 += descriptors.map { (1, $0) } }
            }
            connection.detach { connection in
                let descriptors = connection.takeDescriptors()
                detached.withLock { $0 += descriptors.map { (2, $0) } }
            }
        }
        let clients = [try Client(server.address), try Client(server.address)]
        server.waitForDeliveries(2)
        try server.stop()
        let order = detached.withLock { $0 }
        #expect(order.map(\.0) == [1, 2])
        for (_, descriptor) in order { close(descriptor) }
        withExtendedLifetime(clients) {}
    }

    @Test func connectionsStayOpenWhileTheyAreKept() throws {
        let kept = Lock<[ConnectionID]>([])
        let server = try RunningServer(engine: .ring(.linux6_1)) { connection, context in
            let earlier = kept.withLock { $0 }
            for id in earlier { try? context.withConnection(id) { $0.send("and another\n") } }
            connection.send("welcome\n")
            let id = context.keep(connection)
            kept.withLock { $0.append(id) }
        }
        let first = try Client(server.address)
        #expect(try first.read(8) == "welcome\n")
        let second = try Client(server.address)
        #expect(try second.read(8) == "welcome\n")
        #expect(try first.read(12) == "and another\n")
        try server.stop()
        #expect(try first.readToEnd() == .end(""))
        #expect(try second.readToEnd() == .end(""))
    }
}
