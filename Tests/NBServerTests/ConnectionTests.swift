import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How connections send and end, on a fake kernel: bytes in order and alive while the kernel reads them, every descriptor
/// closed or handed out once, no slot free too early.
@Suite struct ConnectionTests {
    /// Looked at by an assertion where slots are made; here in optimized builds as well.
    @Test func aSlotIsLaidOutAsItsCodeReliesOn() {
        #expect(ConnectionSlot.isLaidOutAsExpected)
    }

    private let descriptor: Int32 = 100_000
    private let other: Int32 = 100_001

    /// A script that begins with one accepted connection.
    private func accepting(_ server: ScriptedServer, _ steps: [FakeKernel.Step]) -> [FakeKernel.Step] {
        let (listener, descriptor) = (server.listeners[0], descriptor)
        return [{ try $0.accept(descriptor, on: listener) }] + steps
    }

    private func drop(
        _ number: Int,
        _ connection: consuming Connection,
        _ context: borrowing ServerContext
    ) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }

    private let words = Array("No soup for you!\n".utf8)

    /// In this order: the end of the stream leaves behind bytes that are taken, and before a close that may become a reset.
    @Test func aDroppedConnectionSendsEndsItsStreamLooksForInputAndCloses() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            drop,
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(
                            kernel.calls == [
                                .sendLast(descriptor, words), .finishOutput(descriptor),
                                .discardInput(descriptor, isPlainTCP: true), .close(descriptor),
                            ]
                        )
                        #expect(kernel.sends(on: descriptor).isEmpty && kernel.discards(on: descriptor).isEmpty)
                    }
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func aConnectionWithNothingToSendEndsItsStreamLooksForInputAndCloses() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run({ _, _, _ in .continue }, script: accepting(server, [{ _ in }]))
        #expect(
            kernel.allCalls == [
                .finishOutput(descriptor), .discardInput(descriptor, isPlainTCP: true), .close(descriptor),
            ]
        )
    }

    @Test func aClientThatSpokeIsHeardOutBeforeTheClose() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.unheard[descriptor] = [18]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.lastBytes(on: descriptor) == [words])
                    #expect(kernel.endedOutputs == [descriptor])
                    #expect(!kernel.isClosed(descriptor))
                    let discard = try #require(kernel.discards(on: descriptor).first)
                    #expect(discard.operation == .discardInput(descriptor: descriptor))
                    kernel.complete(discard.token, 4000)
                },
                { $0.complete(try #require($0.discards(on: descriptor).first).token, 0) },
                { kernel in #expect(kernel.isClosed(descriptor)) },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// A look that was not made may have missed something.
    @Test func aLookWithoutMemoryCountsAsOneThatFoundSomething() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.unheard[descriptor] = [-ENOMEM]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { $0.complete(try #require($0.discards(on: descriptor).first).token, 0) },
                { kernel in #expect(kernel.isClosed(descriptor)) },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// One client that speaks costs the others nothing.
    @Test func aClientThatIsHeardOutChangesNothingForOthers() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.unheard[descriptor] = [18]
                    try kernel.accept(descriptor, on: listener)
                },
                { try $0.accept(other, on: listener) },
                { kernel in #expect(kernel.isClosed(other)) },
            ]
        )
        #expect(kernel.closes(of: other) == 1)
    }

    @Test(arguments: [5, -EAGAIN, -EINTR] as [Int32])
    func whatTheSocketDoesNotTakeAtOnceIsSentBeforeTheStreamEnds(taken: Int32) throws {
        let server = try ScriptedServer()
        let count = max(0, taken)
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.sendResults[descriptor] = [taken]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.calls == [.sendLast(descriptor, words)])
                    let rest = try #require(kernel.sends(on: descriptor).first)
                    #expect(rest.bytes == Array(words.dropFirst(Int(count))))
                    #expect(!rest.silently)
                    #expect(kernel.deadline == kernel.now + .seconds(5))
                    kernel.complete(rest.token, 17 - count)
                },
                { kernel in
                    #expect(
                        kernel.calls == [
                            .finishOutput(descriptor), .discardInput(descriptor, isPlainTCP: true), .close(descriptor),
                        ]
                    )
                },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
        #expect(server.journal.counters.expired == 0)
    }

    /// More than one send carries goes as operations; what is left of it then, at once with the end.
    @Test func longAnswersWaitForTheSocketAndEndWithTheRest() throws {
        let server = try ScriptedServer()
        let long = [UInt8](repeating: 7, count: 100_000)
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send(long)
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(kernel.calls.isEmpty)
                        let send = try #require(kernel.sends(on: descriptor).first)
                        #expect(send.bytes.count == 65_536)
                        kernel.complete(send.token, 65_536)
                    },
                    { kernel in
                        #expect(kernel.lastBytes(on: descriptor).map(\.count) == [100_000 - 65_536])
                        #expect(kernel.isClosed(descriptor))
                    },
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// A head that is in the slot, and a body in two blocks: held back together, and then the end.
    @Test func whatIsInSeveralPlacesLeavesWithTheEndOfTheStreamToo() throws {
        let server = try ScriptedServer()
        let (head, body) = ([UInt8](0..<50), (0..<2).map { [UInt8](repeating: $0, count: 5000) })
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send(head)
                for part in body { connection.send(part) }
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(kernel.sends(on: descriptor).isEmpty)
                        #expect(
                            kernel.calls == [
                                .sendLast(descriptor, head), .sendLast(descriptor, Array(body.joined())),
                                .finishOutput(descriptor), .discardInput(descriptor, isPlainTCP: true),
                                .close(descriptor),
                            ]
                        )
                    }
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// Of several places the first is taken, and of the second a part.
    @Test func whatIsCutShortInTheSecondPlaceIsSentFromThere() throws {
        let server = try ScriptedServer()
        let (head, body) = ([UInt8](0..<50), [UInt8](repeating: 7, count: 5000))
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send(head)
                connection.send(body)
                return .continue
            },
            script: [
                { kernel in
                    kernel.sendResults[descriptor] = [50, 1000]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.endedOutputs.isEmpty)
                    let rest = try #require(kernel.sends(on: descriptor).first)
                    #expect(rest.bytes == Array(body[1000...]))
                    kernel.complete(rest.token, 4000)
                },
                { kernel in #expect(kernel.isClosed(descriptor)) },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// Closed, it would look to its peer as if that had been all.
    @Test(arguments: [EPIPE, ETIMEDOUT, ECONNRESET])
    func aPeerThatIsGoneCostsItsConnectionOnly(errno: Int32) throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.sendResults[descriptor] = [-errno]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.calls == [.sendLast(descriptor, words)])
                    #expect(kernel.isReset(descriptor))
                },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
        #expect(server.journal.infos.isEmpty)
    }

    @Test func oneSendIsInFlightAndShortOnesGoOn() throws {
        let server = try ScriptedServer()
        let long = [UInt8](0..<250)
        let (kernel, _) = try server.run(
            { _, connection, context in
                connection.send(long)
                connection.send([1, 2, 3])
                #expect(connection.unsentByteCount == 253)
                _ = context.keep(connection)
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(kernel.sends(on: descriptor).map(\.bytes) == [long + [1, 2, 3]])
                        kernel.complete(kernel.sends(on: descriptor)[0].token, 100)
                    },
                    { kernel in
                        #expect(kernel.sends(on: descriptor).map(\.bytes) == [Array(long[100...]) + [1, 2, 3]])
                        kernel.complete(kernel.sends(on: descriptor)[0].token, 153)
                    },
                    { kernel in #expect(kernel.sends(on: descriptor).isEmpty) },
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func bytesArriveInOrderAcrossInlineBytesAndBlocks() throws {
        let server = try ScriptedServer()
        let pieces = (0..<40).map { [UInt8](repeating: UInt8($0), count: 1 + $0 * 37) }
        var sent: [UInt8] = []
        let take: FakeKernel.Step = { kernel in
            for send in kernel.sends(on: descriptor) {
                let count = min(send.bytes.count, 700)
                sent += send.bytes.prefix(count)
                kernel.complete(send.token, Int32(count))
            }
        }
        try server.run(
            { _, connection, context in
                for piece in pieces { connection.send(piece) }
                _ = context.keep(connection)
                return .continue
            },
            script: accepting(server, Array(repeating: take, count: 100))
        )
        #expect(sent == Array(pieces.joined()))
    }

    @Test func whatIsQueuedInSeveralBlocksLeavesInOneSend() throws {
        let server = try ScriptedServer()
        // Each fills a block by itself; all are less than one send may carry.
        let pieces = (0..<10).map { [UInt8](repeating: UInt8($0), count: 5000) }
        var sends: [[UInt8]] = []
        try server.run(
            { _, connection, context in
                for piece in pieces { connection.send(piece) }
                _ = context.keep(connection)
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        let send = try #require(kernel.sends(on: descriptor).first)
                        sends.append(send.bytes)
                        // Two blocks and a part of the third.
                        kernel.complete(send.token, 12_345)
                    },
                    { kernel in
                        let send = try #require(kernel.sends(on: descriptor).first)
                        sends.append(send.bytes)
                        kernel.complete(send.token, Int32(send.bytes.count))
                    },
                    { kernel in #expect(kernel.sends(on: descriptor).isEmpty) },
                ]
            )
        )
        let whole = Array(pieces.joined())
        #expect(sends == [whole, Array(whole[12_345...])])
    }

    @Test func aPeerThatNeverReadsIsResetWhenTheLimitHasPassed() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send([UInt8](repeating: 7, count: 100_000))
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(kernel.deadline == kernel.now + .seconds(5))
                        kernel.now = kernel.now + .seconds(4)
                    },
                    { kernel in
                        #expect(!kernel.isClosed(descriptor))
                        kernel.now = kernel.now + .seconds(1)
                    },
                    { kernel in
                        #expect(kernel.isReset(descriptor))
                        // In this order: the send is ended before the descriptor is given up.
                        let cancel = kernel.submitted.firstIndex {
                            if case .cancel = $0.operation { true } else { false }
                        }
                        let close = kernel.submitted.firstIndex { $0.operation == .close(descriptor: descriptor) }
                        try #expect(#require(cancel) < #require(close))
                    },
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
        #expect(server.journal.counters.expired == 1)
    }

    /// The limit is on time without progress, also when everything is the kernel's and only the peer goes on.
    @Test func aPeerThatReadsSlowlyIsNotResetWhileItReads() throws {
        let server = try ScriptedServer()
        let read: FakeKernel.Step = { kernel in
            #expect(!kernel.isReset(descriptor))
            kernel.peers[descriptor, default: PeerState()].takenByteCount += 1
            kernel.now = kernel.now + .seconds(5)
        }
        let (kernel, _) = try server.run(
            drop,
            script: [
                { kernel in
                    kernel.sendResults[descriptor] = [-EAGAIN]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                read,
                read,
                { kernel in
                    #expect(!kernel.isReset(descriptor))
                    kernel.now = kernel.now + .seconds(5)
                },
                { kernel in #expect(kernel.isReset(descriptor)) },
            ]
        )
        #expect(kernel.closes(of: descriptor) == 1)
        #expect(server.journal.counters.expired == 1)
    }

    @Test func aResetConnectionThrowsAwayWhatWasQueued() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send("never sent")
                connection.reset()
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(kernel.sends(on: descriptor).isEmpty)
                        #expect(kernel.isReset(descriptor))
                    }
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func aSlotIsNotUsedAgainWhileItsSendIsInFlight() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        var first: FakeKernel.Submission?
        try server.run(
            { number, connection, context in
                connection.send("connection \(number)")
                if number == 0 {
                    server.journal.ids.append(context.keep(connection))
                } else {
                    if number == 1 { try context.take(server.journal.ids[0]).reset() }
                }
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        kernel.cancelsAtOnce = false
                        first = kernel.sends(on: descriptor).first
                        try kernel.accept(other, on: listener)
                    },
                    { kernel in
                        #expect(kernel.isReset(descriptor))
                        try kernel.accept(100_002, on: listener)
                        let bytes = first.map { sendBytes(of: $0) }
                        #expect(bytes.map { String(decoding: $0, as: UTF8.self) } == "connection 0")
                    },
                    { kernel in
                        #expect(
                            first.map { sendBytes(of: $0) }.map { String(decoding: $0, as: UTF8.self) }
                                == "connection 0"
                        )
                    },
                ]
            )
        )
    }

    /// What the kernel would read now for a send that was submitted before.
    private func sendBytes(of submission: FakeKernel.Submission) -> [UInt8] {
        guard case .send(_, let bytes) = submission.operation else { return [] }
        return bytes.withUnsafeBytes { Array($0) }
    }

    @Test func aDetachedDescriptorLeavesWhenItsBytesHave() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send("last words")
                connection.detach { server.journal.detached.append(contentsOf: $0.takeDescriptors()) }
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(server.journal.detached.isEmpty)
                        kernel.complete(try #require(kernel.sends(on: descriptor).first).token, 10)
                    },
                    { _ in #expect(server.journal.detached == [descriptor]) },
                ]
            )
        )
        #expect(server.journal.detached == [descriptor])
        #expect(kernel.closes(of: descriptor) == 0)
    }

    /// At once, with nothing for the kernel to do; the next connection may have its number and its slot.
    @Test func theDescriptorOfANewConnectionIsTakenInItsCallback() throws {
        let server = try ScriptedServer()
        let (descriptor, listener) = (descriptor, server.listeners[0])
        let (kernel, _) = try server.run(
            { _, connection, context in
                #expect(connection.listenerPlace == 0)
                server.journal.detached.append(connection.takeDescriptor() ?? -1)
                #expect(context.counters.open == 0)
                return .continue
            },
            script: [
                { try $0.accept(descriptor, on: listener) },
                { try $0.accept(descriptor, on: listener) },
            ]
        )
        #expect(server.journal.detached == [descriptor, descriptor])
        #expect(kernel.closes(of: descriptor) == 0)
        #expect(!kernel.isReset(descriptor))
        #expect(server.journal.counters.delivered == 2)
        #expect(server.journal.counters.discarded == 0)
    }

    enum Use: String, CaseIterable {
        case sent, finished, kept
    }

    /// It leaves by `release` only; here it is closed.
    @Test(arguments: Use.allCases)
    func theDescriptorOfAConnectionThatWasUsedIsNotTaken(_ use: Use) throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, context in
                switch use {
                case .sent: connection.send("a word")
                case .finished: connection.finishOutput()
                case .kept:
                    let id = context.keep(connection)
                    let descriptor = try? context.take(id).takeDescriptor()
                    #expect(descriptor == nil)
                    return .continue
                }
                #expect(connection.takeDescriptor() == nil)
                return .continue
            },
            script: accepting(server, [{ _ in }])
        )
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func aDetachmentThatComesTooLateIsAReset() throws {
        let server = try ScriptedServer()
        var failures: [ServerError?] = []
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send("last words")
                connection.detach { failures.append($0.failure) }
                return .continue
            },
            script: accepting(
                server,
                [
                    { $0.now = $0.now + .seconds(5) },
                    { kernel in #expect(kernel.isReset(descriptor)) },
                ]
            )
        )
        #expect(failures.map(\.?.code) == [.connectionEnded])
        #expect(failures[0]?.cure.hasPrefix("the peer did not take what was queued") == true)
        #expect(kernel.closes(of: descriptor) == 1)
    }

    /// Closed, it would look to its peer as if that had been all.
    @Test(arguments: [ETIMEDOUT, EPIPE], [true, false])
    func aSendThatFailsEndsInAReset(errno: Int32, isDetached: Bool) throws {
        let server = try ScriptedServer()
        var failures: [ServerError?] = []
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send([UInt8](repeating: 1, count: 1000))
                guard isDetached else { return .continue }
                connection.detach { failures.append($0.failure) }
                return .continue
            },
            script: [
                { kernel in
                    kernel.sendResults[descriptor] = [-EAGAIN]
                    try kernel.accept(descriptor, on: server.listeners[0])
                },
                { $0.complete(try #require($0.sends(on: descriptor).first).token, -errno) },
                { kernel in #expect(kernel.isReset(descriptor)) },
            ]
        )
        #expect(failures.map(\.?.code) == (isDetached ? [.connectionEnded] : []))
        #expect(failures.map(\.?.errno) == (isDetached ? [errno] : []))
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func aKeptConnectionIsUsedTakenAndUnknownAfterwards() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            { number, connection, context in
                guard number > 0 else {
                    server.journal.ids.append(context.keep(connection))
                    return .continue
                }
                let id = server.journal.ids[0]
                try context.withConnection(id) { $0.send("hello") }
                let taken = try context.take(id)
                #expect(throws: UnknownConnection.self) { try context.withConnection(id) { _ in } }
                #expect(throws: UnknownConnection.self) { _ = try context.take(id) }
                taken.close()
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in
                        #expect(!kernel.isClosed(descriptor))
                        try kernel.accept(other, on: listener)
                    },
                    { kernel in
                        #expect(kernel.lastBytes(on: descriptor) == [Array("hello".utf8)])
                    },
                ]
            )
        )
        #expect(server.journal.infos.isEmpty)
        #expect(kernel.closes(of: descriptor) == 1)
    }

    @Test func aKeptConnectionWhosePeerIsGoneIsForgotten() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            { number, connection, context in
                if number == 0 {
                    connection.send("anybody there?")
                    server.journal.ids.append(context.keep(connection))
                } else {
                    #expect(throws: UnknownConnection.self) { _ = try context.take(server.journal.ids[0]) }
                }
                return .continue
            },
            script: accepting(
                server,
                [
                    { $0.complete(try #require($0.sends(on: descriptor).first).token, -EPIPE) },
                    { kernel in
                        #expect(kernel.isClosed(descriptor))
                        try kernel.accept(other, on: listener)
                    },
                ]
            )
        )
        #expect(kernel.closes(of: descriptor) == 1)
        #expect(server.journal.delivered.count == 2)
    }

    /// What an info's own callback brings about is told without waiting for anything else to happen.
    @Test func aConnectionThatIsLostInTheCallbackOfAnInfoIsToldOfAtOnce() throws {
        final class Holder { var connection: Connection? }
        let holder = Holder()
        let server = try ScriptedServer(listeners: 2)
        try server.run(
            duringInfo: { context in
                if let held = holder.connection.take() { server.journal.ids.append(context.keep(held)) }
            },
            { number, connection, context in
                guard number == 0 else {
                    try context.removeListener(on: server.sockets[1].address)
                    return .continue
                }
                connection.send("lost")
                holder.connection = consume connection
                return .continue
            },
            script: accepting(
                server,
                [
                    { kernel in kernel.complete(try #require(kernel.sends(on: descriptor).first).token, -EPIPE) },
                    { kernel in try kernel.accept(other, on: server.listeners[0]) },
                    { _ in },
                    { kernel in
                        #expect(server.journal.infos.count == 1, "the removal: \(server.journal.infos)")
                        #expect(kernel.deadline == kernel.now)
                    },
                    { _ in #expect(server.journal.infos.last?.hasPrefix("connectionLost") == true) },
                ]
            )
        )
        #expect(server.journal.ids.count == 1)
    }
}
