import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Which workers are given a receive that goes on, though they ask for one delivery at a time: those that ask again before
/// their callback has returned. Whoever stops asking is not sent more than was under way.
@Suite struct SteadyReceiveTests {
    private let descriptor: Int32 = 100_000

    private struct Worker: ConnectionWorker {
        static let options = WorkerOptions(receiving: .once)
        let journal: Journal
        /// How many deliveries it asks to follow.
        var asks: Int

        mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            journal.delivered.append(bytes.count)
            if asks > 0 { connection.receive() }
            asks -= 1
        }
    }

    /// Runs a worker that asks so often; the first step follows the first receive.
    private func run(asks: Int, receivesMultishot: Bool = true, _ steps: [FakeKernel.Step]) throws -> [Int] {
        var server = try ScriptedServer()
        server.features.receivesMultishot = receivesMultishot
        let (listener, descriptor, journal) = (server.listeners[0], descriptor, Journal())
        try server.run(
            assigning: Worker(journal: journal, asks: asks),
            script: [{ try $0.accept(descriptor, on: listener) }] + steps
        )
        return journal.delivered
    }

    private struct Greeter: ConnectionWorker {
        let greets: Bool

        func connected(_ connection: borrowing WorkerConnection<Self>) {
            if greets { connection.send("hello") }
        }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
    }

    /// A peer that was greeted has yet to answer, and of those that speak first it is looked whether they have: where nothing is there,
    /// nothing is tried for.
    @Test(arguments: [false, true], [false, true])
    func aReceiveWaitsFirstWhereNothingIsThereYet(greets: Bool, hasSpoken: Bool) throws {
        let server = try ScriptedServer()
        let (listener, descriptor) = (server.listeners[0], descriptor)
        let waitsFirst = greets || !hasSpoken
        try server.run(
            assigning: Greeter(greets: greets),
            script: [
                { kernel in
                    if hasSpoken { kernel.spoken = [descriptor] }
                    try kernel.accept(descriptor, on: listener)
                },
                { kernel in
                    let receive = try #require(kernel.receives(on: descriptor).first)
                    #expect(receive.operation == .receive(descriptor: descriptor, .oneShot, waitsFirst: waitsFirst))
                },
            ]
        )
    }

    /// One client in sixteen is looked at, and those behind it are taken to be like it.
    @Test func whatOneClientDoesIsExpectedOfTheNextFifteen() throws {
        let server = try ScriptedServer()
        let (listener, first) = (server.listeners[0], descriptor)
        try server.run(
            assigning: Greeter(greets: false),
            script: [
                { kernel in
                    kernel.spoken = [first + 16]
                    for number in 0..<33 { try kernel.accept(first + Int32(number), on: listener) }
                },
                { kernel in
                    for number in 0..<33 {
                        let client = first + Int32(number)
                        let receive = try #require(kernel.receives(on: client).first)
                        let expected = Operation.receive(
                            descriptor: client,
                            .oneShot,
                            waitsFirst: !(16..<32).contains(number)
                        )
                        #expect(receive.operation == expected)
                    }
                },
            ]
        )
    }

    @Test func aWorkerThatAsksAgainIsGivenAReceiveThatGoesOn() throws {
        let delivered = try run(
            asks: 2,
            [
                { kernel in
                    let first = try #require(kernel.receives(on: descriptor).first)
                    #expect(first.operation == .receive(descriptor: descriptor, .oneShot, waitsFirst: true))
                    kernel.completeReceive(first.token, [1])
                },
                { kernel in
                    let second = try #require(kernel.receives(on: descriptor).first)
                    #expect(second.operation == .receive(descriptor: descriptor, .multishot, waitsFirst: true))
                    kernel.completeReceive(second.token, [1, 2], isLast: false)
                },
                { kernel in
                    #expect(kernel.receives(on: descriptor).isEmpty)
                    #expect(kernel.buffersOut == 0)
                },
            ]
        )
        #expect(delivered == [1, 2])
    }

    @Test func whoeverStopsAskingIsSentNoMore() throws {
        var token: Token?
        let delivered = try run(
            asks: 1,
            [
                { kernel in kernel.completeReceive(try #require(kernel.receives(on: descriptor).first).token, [1]) },
                { kernel in
                    token = try #require(kernel.receives(on: descriptor).first).token
                    kernel.completeReceive(try #require(token), [1, 2], isLast: false)
                    kernel.completeReceive(try #require(token), [1, 2, 3], isLast: false)
                },
                { kernel in
                    #expect(
                        kernel.submitted.count { $0.operation == .cancel(token ?? $0.token, descriptor: descriptor) }
                            == 1
                    )
                    #expect(kernel.receives(on: descriptor).isEmpty)
                    #expect(kernel.buffersOut == 0)
                },
                { kernel in #expect(kernel.receives(on: descriptor).isEmpty) },
            ]
        )
        #expect(delivered == [1, 2])
    }

    @Test func aWorkerThatAnswersOnceIsGivenNone() throws {
        let delivered = try run(
            asks: 0,
            [
                { kernel in
                    let first = try #require(kernel.receives(on: descriptor).first)
                    #expect(first.operation == .receive(descriptor: descriptor, .oneShot, waitsFirst: true))
                    kernel.completeReceive(first.token, [1])
                },
                { kernel in #expect(kernel.submitted.isEmpty) },
            ]
        )
        #expect(delivered == [1])
    }

    @Test func aKernelWithoutIsAskedEveryTime() throws {
        _ = try run(
            asks: 1,
            receivesMultishot: false,
            [
                { kernel in kernel.completeReceive(try #require(kernel.receives(on: descriptor).first).token, [1]) },
                { kernel in
                    let second = try #require(kernel.receives(on: descriptor).first)
                    #expect(second.operation == .receive(descriptor: descriptor, .oneShot, waitsFirst: true))
                },
            ]
        )
    }

    /// What was received before the receive has ended waits here, and comes when it is asked for.
    @Test func aReceiveThatWasContinuousEndsAfterOneMore() throws {
        struct Changing: ConnectionWorker {
            static let options = WorkerOptions(receiving: .continuous)
            let journal: Journal

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
                journal.delivered.append(bytes.count)
                if bytes.count == 1 { connection.receive(.once) }
                // It is given everything anyway.
                if bytes.count == 3 { connection.receive() }
            }
        }
        var server = try ScriptedServer()
        server.features.receivesMultishot = true
        let (listener, descriptor, journal) = (server.listeners[0], descriptor, Journal())
        var token: Token?
        try server.run(
            assigning: Changing(journal: journal),
            script: [
                { try $0.accept(descriptor, on: listener) },
                { kernel in
                    let first = try #require(kernel.receives(on: descriptor).first)
                    #expect(first.operation == .receive(descriptor: descriptor, .oneShot, waitsFirst: true))
                    kernel.completeReceive(first.token, [1, 2, 3])
                },
                { kernel in
                    let second = try #require(kernel.receives(on: descriptor).first)
                    #expect(second.operation == .receive(descriptor: descriptor, .multishot, waitsFirst: true))
                    token = second.token
                    kernel.completeReceive(second.token, [1], isLast: false)
                },
                { kernel in
                    #expect(kernel.submitted.isEmpty)
                    kernel.completeReceive(try #require(token), [1, 2], isLast: false)
                },
                { kernel in
                    #expect(
                        kernel.submitted.count { $0.operation == .cancel(token ?? $0.token, descriptor: descriptor) }
                            == 1
                    )
                },
            ]
        )
        #expect(journal.delivered == [3, 1, 2])
    }
}
