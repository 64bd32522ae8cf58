import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Connections that end together, on a fake kernel: one look and one close for all of them, and to each what it would get alone.
@Suite struct EndingGroupTests {
    private let first: Int32 = 100_000
    private let words = Array("No soup for you!\n".utf8)

    private func greet(_: Int, _ connection: consuming Connection, _: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }

    /// So many clients come at once, are greeted, and end.
    private func run(
        _ count: Int32,
        options: [SocketOption] = [],
        _ prepare: @escaping (FakeKernel) -> Void = { _ in },
        then steps: [FakeKernel.Step] = []
    ) throws -> (FakeKernel, ServerCounters) {
        var server = try ScriptedServer()
        server.options.socketOptions = options
        let accept: FakeKernel.Step = { kernel in
            prepare(kernel)
            for number in 0..<count { try kernel.accept(first + number, on: server.listeners[0]) }
        }
        let (kernel, _) = try server.run(greet, script: [accept] + (steps.isEmpty ? [{ _ in }] : steps))
        return (kernel, server.journal.counters)
    }

    private func greeting(_ number: Int32) -> FakeKernel.DirectCall { .sendLast(first + number, words) }

    @Test func connectionsThatEndTogetherShareALook() throws {
        let (kernel, counters) = try run(3)
        #expect(
            kernel.allCalls == [
                greeting(0), greeting(1), greeting(2),
                .finishOutput(first), .finishOutput(first + 1), .finishOutput(first + 2),
                .findInput([first, first + 1, first + 2]),
                .close(first), .close(first + 1), .close(first + 2),
            ]
        )
        #expect(counters.bytesSent == 51)
    }

    @Test func theOneBeyondAFullGroupEndsAlone() throws {
        let capacity = Int32(EndingGroup.capacity)
        let (kernel, _) = try run(capacity + 1)
        #expect(kernel.allCalls.count { $0 == .findInput(Array(first..<first + capacity)) } == 1)
        #expect(
            kernel.allCalls.suffix(4) == [
                greeting(capacity), .finishOutput(first + capacity),
                .discardInput(first + capacity, isPlainTCP: true), .close(first + capacity),
            ]
        )
        for number in 0...capacity { #expect(kernel.closes(of: first + number) == 1) }
    }

    /// It is not closed over what it said, and the others do not wait for it.
    @Test func theOneThatSpokeIsHeardOutAndTheOthersAreClosed() throws {
        let (kernel, counters) = try run(
            3,
            { $0.unheard[first + 1] = [5] },
            then: [
                { kernel in
                    #expect(
                        kernel.calls.suffix(4) == [
                            .findInput([first, first + 1, first + 2]), .discardInput(first + 1, isPlainTCP: true),
                            .close(first), .close(first + 2),
                        ]
                    )
                    #expect(kernel.discards(on: first + 1).count == 1)
                    kernel.complete(Token(.discardInput, slot: 1), 0)
                },
                { #expect($0.closes(of: first + 1) == 1) },
            ]
        )
        #expect(kernel.closes(of: first) == 1 && kernel.closes(of: first + 2) == 1)
        #expect(counters.expired == 0)
    }

    /// The end of a peer's stream, and a connection that is gone, are events as well: either is looked at, and closed.
    @Test(arguments: [0, -ECONNRESET])
    func theOneThatHasEndedIsLookedAtAndClosed(result: Int32) throws {
        let (kernel, _) = try run(2, { $0.unheard[first] = [result] })
        #expect(
            kernel.allCalls.suffix(4) == [
                .findInput([first, first + 1]), .discardInput(first, isPlainTCP: true),
                .close(first), .close(first + 1),
            ]
        )
    }

    @Test func ifThePollFailsEachConnectionIsLookedAtAlone() throws {
        let (kernel, _) = try run(
            2,
            { kernel in
                kernel.pollFails = true
                kernel.unheard[first + 1] = [5]
            },
            then: [{ kernel in #expect(kernel.discards(on: first + 1).count == 1) }]
        )
        #expect(
            kernel.allCalls[5...7] == [
                .discardInput(first, isPlainTCP: true), .discardInput(first + 1, isPlainTCP: true), .close(first),
            ]
        )
        #expect(kernel.closes(of: first) == 1 && kernel.closes(of: first + 1) == 1)
    }

    /// A poll tells of no input below the mark, and a close over it would be a reset.
    @Test func withALowWaterMarkEachConnectionIsLookedAtAlone() throws {
        let mark = SocketOption.raw(level: SOL_SOCKET, name: SO_RCVLOWAT, value: 100)
        let (kernel, _) = try run(2, options: [mark])
        #expect(
            kernel.allCalls.suffix(4) == [
                .discardInput(first, isPlainTCP: true), .discardInput(first + 1, isPlainTCP: true),
                .close(first), .close(first + 1),
            ]
        )
    }

    /// However the option was given.
    @Test func noCloseOfAGroupWaitsForAPeer() throws {
        let seconds = withUnsafeBytes(of: linger(l_onoff: 1, l_linger: 3)) { Array($0) }
        let raw = SocketOption.raw(level: SOL_SOCKET, name: SO_LINGER, bytes: seconds)
        for option in [.linger(.seconds(3)), raw] {
            let (kernel, _) = try run(2, options: [option])
            #expect(kernel.forgottenLingers == [first, first + 1])
        }
        let (kernel, _) = try run(2, options: [.linger(.zero)])
        #expect(kernel.forgottenLingers == [])
    }

    /// Its stream does not end before its bytes are taken, and it does not keep the others from ending.
    @Test func aConnectionWithAShortSendIsNotInTheGroup() throws {
        let (kernel, _) = try run(
            3,
            { $0.sendResults[first + 1] = [4] },
            then: [
                { kernel in
                    #expect(kernel.calls.contains(.findInput([first, first + 2])))
                    #expect(!kernel.calls.contains(.finishOutput(first + 1)))
                    let rest = kernel.sends(on: first + 1)
                    #expect(rest.map(\.bytes) == [Array(words[4...])])
                    kernel.complete(Token(.send, slot: 1), 13)
                }
            ]
        )
        #expect(kernel.endedOutputs.sorted() == [first, first + 1, first + 2])
        for number: Int32 in 0..<3 { #expect(kernel.closes(of: first + number) == 1) }
    }

    /// Many bytes may not have left: then what the peer says next would reset the connection, if it were closed.
    @Test func theOneWhoseBytesHaveNotLeftIsHeardOut() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send(String(repeating: "soup ", count: 200))
                return .continue
            },
            script: [
                { kernel in
                    kernel.unsent = [first]
                    try kernel.accept(first, on: server.listeners[0])
                    try kernel.accept(first + 1, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.discards(on: first).count == 1)
                    #expect(kernel.closes(of: first) == 0 && kernel.closes(of: first + 1) == 1)
                    kernel.complete(Token(.discardInput, slot: 0), 0)
                },
            ]
        )
        #expect(kernel.closes(of: first) == 1)
    }
}
