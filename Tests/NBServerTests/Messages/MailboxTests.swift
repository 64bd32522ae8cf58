import Glibc
import Testing

@testable import NBServer

/// Casts: their order, their number, and what happens when there are too many.
@Suite struct MailboxTests {
    @Test func castsOfOneSenderAreHandledInTheirOrder() async throws {
        try await Clerk().serve { server in
            for number in 0..<1000 { try server.cast(.note("\(number)")) }
            _ = try await server.call(Clerk.Call.total)
            #expect(try await server.withState { $0.seen } == (0..<1000).map { "\($0)" })
        }
    }

    /// Remembers of each sender which message is its next.
    private struct Counter: NonBlockingServer {
        struct Cast: Sendable {
            let sender: Int
            let number: Int
        }

        var expected = [Int](repeating: 0, count: 8)
        var outOfOrder = 0

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            .continue
        }

        mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
            if cast.number != expected[cast.sender] { outOfOrder += 1 }
            expected[cast.sender] = cast.number + 1
            return .continue
        }
    }

    @Test func aMillionCastsFromEightThreadsArriveOnceEachAndInOrder() async throws {
        let server = try Server(Counter(), listening: [], options: ServerOptions(mailboxLimit: nil))
        try await server.start()
        let ends = (0..<8).map { _ in Outcome<Bool>() }
        for sender in 0..<8 {
            try startThread {
                var isFine = true
                for number in 0..<125_000 {
                    do { try server.cast(.init(sender: sender, number: number)) } catch { isFine = false }
                }
                ends[sender].resolve(isFine)
            }
        }
        for end in ends { #expect(await end.resolved()) }
        let counter = try await server.withState(within: nil) { $0 }
        #expect(counter.expected == [Int](repeating: 125_000, count: 8))
        #expect(counter.outOfOrder == 0)
        #expect(try await server.status().counters.messages == 1_000_000)
        await server.stop()
    }

    @Test func aFullMailboxRefusesAndSaysSoAndServesWhatItHas() async throws {
        try await Clerk().serve(options: ServerOptions(mailboxLimit: 3)) { server in
            let gate = Gate()
            let isHeld = Gate()
            try server.cast(
                .perform { _, _ in
                    isHeld.open()
                    gate.wait()
                    return .continue
                }
            )
            _ = try await onThread { isHeld.wait() }
            // What is asked of the server itself is taken in any case, and takes no room.
            async let early = server.withState(within: nil) { $0.total }
            async let status = server.status(within: nil)
            for number in [1, 10, 100] { try server.cast(.add(number)) }
            let cast = await failure { try server.cast(.add(1000)) }
            let call = await failure { try await server.call(Clerk.Call.total, within: nil) }
            #expect(
                cast
                    == "3 messages wait already, as many as ServerOptions.mailboxLimit allows; send less often, or raise it"
            )
            #expect(
                call
                    == "3 messages wait already, as many as ServerOptions.mailboxLimit allows; send less often, or raise it"
            )
            async let late = server.status(within: nil)
            gate.open()
            #expect([0, 1, 11, 111].contains(try await early))
            #expect((0...3).contains(try await status.mailboxLength))
            #expect(try await late.counters.refusedMessages == 2)
            #expect(try await server.call(Clerk.Call.total) == 111)
            #expect(try await server.status().counters.messages == 5)
        }
    }

    @Test func requestsTakeNoRoomInTheMailbox() async throws {
        let server = try Server(Clerk(), listening: [], options: ServerOptions(mailboxLimit: 1))
        for _ in 0..<10 { try server.mailbox.put(LookMessage<Clerk> { _ in }) }
        for _ in 0..<10 { try server.mailbox.put(.request { _ in }) }
        try server.cast(.add(1))
        #expect(await failure { try server.cast(.add(1)) }.hasPrefix("1 messages wait already"))
        try server.mailbox.put(LookMessage<Clerk> { _ in })
        try await server.start()
        #expect(try await server.withState { $0.total } == 1)
        await server.stop()
    }

    @Test(arguments: [0, 1]) func aServerThatIsToStopAtAFullMailboxStops(limit: Int) async throws {
        let options = ServerOptions(mailboxLimit: limit, whenMailboxIsFull: .stop)
        let server = try Server(Clerk(), listening: [], options: options)
        for _ in 0..<limit { try server.cast(.add(1)) }
        #expect(await failure { try server.cast(.add(1)) }.hasPrefix("\(limit) messages wait already"))
        try await server.start()
        guard case .failed(let error as ServerError) = await server.waitForEnd() else {
            Issue.record("the server ended otherwise")
            return
        }
        #expect(error.code == .mailboxFull)
    }

    @Test func aFullMailboxOfAServerThatRunsStopsItToo() async throws {
        let options = ServerOptions(mailboxLimit: 1, whenMailboxIsFull: .stop)
        let server = try Server(Clerk(), listening: [], options: options)
        try await server.start()
        let gate = Gate()
        try server.hold(until: gate)
        while server.mailbox.count > 0 { await Task.yield() }
        async let call = failure { try await server.call(Clerk.Call.total, within: nil) }
        await server.waitForMail(1)
        #expect(await failure { try server.cast(.add(1)) }.hasPrefix("1 messages wait already"))
        gate.open()
        let reason = await server.waitForEnd().description
        #expect(reason == "failed: \(ServerError.mailboxFull)")
        // It was in before the mailbox was full; whether it was answered before the stop is for the loop to say.
        #expect(["none, but 0", "the server has stopped: \(reason)"].contains(await call))
    }

    @Test func messagesThatNobodyHandlesAreLetGoOf() async throws {
        final class Witness: Sendable {
            let record: Record<Int>
            init(_ record: Record<Int>) { self.record = record }
            deinit { record.append(1) }
        }
        let ends = Record<Int>()
        let server = try Server(Clerk(), listening: [])
        for _ in 0..<10 {
            let witness = Witness(ends)
            try server.cast(.perform { _, _ in withExtendedLifetime(witness) { .continue } })
        }
        #expect(ends.entries.isEmpty)
        server.requestStop()
        #expect(ends.entries.count == 10)
    }
}
