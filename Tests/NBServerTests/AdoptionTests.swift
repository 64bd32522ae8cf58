import NBEngine
import Testing

@testable import NBServer

/// Connections that were accepted elsewhere, on scripts.
@Suite struct AdoptionTests {
    /// Delivers the first connection's follower as one that comes from elsewhere.
    private func adopt(
        _ unread: String,
        onto prepare: @escaping (FakeKernel) -> Void = { _ in },
        script: [FakeKernel.Step] = [{ _ in }, { _ in }],
        _ body: @escaping (consuming Connection) -> Void
    ) throws -> FakeKernel {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { number, connection, context in
                if number == 0 {
                    context.state.pointee.adopt(DetachedConnection(1001, unread: Array(unread.utf8)) {}, nil)
                } else {
                    body(connection)
                }
                return .continue
            },
            script: [
                {
                    prepare($0)
                    try $0.accept(1000, on: server.listeners[0])
                }
            ] + script
        )
        return kernel
    }

    @Test func whatIsDetachedAgainStillHasWhatWasReceived() throws {
        var detached: [String] = []
        _ = try adopt("unread") { connection in
            connection.detach {
                guard case .success(let connection) = $0, let taken = connection.take() else { return }
                detached.append(String(decoding: taken.unread, as: UTF8.self))
                #expect(taken.descriptor == 1001)
                #expect(connection.take() == nil)
                #expect(connection.withDescriptor { $0 } == nil)
            }
        }
        #expect(detached == ["unread"])
    }

    /// It may have been accepted with an option that makes a close wait for the peer, or that hides input from a poll.
    @Test func noCloseOfAnAdoptedConnectionWaits() throws {
        let kernel = try adopt("") { connection in connection.close() }
        #expect(kernel.forgottenLingers == [1001])
        #expect(kernel.forgottenLowWaters == [1001])
        #expect(kernel.closes(of: 1001) == 1)
    }

    /// Even a few bytes may have to wait behind what its owner before has sent.
    @Test func anAdoptedConnectionIsNotClosedOverWhatHasNotLeft() throws {
        let kernel = try adopt(
            "",
            onto: { $0.unsent = [1001] },
            script: [
                { _ in },
                { kernel in
                    #expect(!kernel.isClosed(1001))
                    let discard = try #require(kernel.history.last { $0.operation == .discardInput(descriptor: 1001) })
                    kernel.complete(discard.token, 0)
                },
                { #expect($0.isClosed(1001)) },
            ],
            { connection in connection.close() }
        )
        #expect(kernel.closes(of: 1001) == 1)
    }

    /// Another kind of socket cannot throw its input away uncopied. The connection that has its place next can.
    @Test func inputOfASocketThatIsNotTCPIsDiscardedByReading() throws {
        let server = try ScriptedServer()
        /// Whoever spoke ends its side.
        func answer(_ kernel: FakeKernel) throws {
            for discard in kernel.discards(on: 1001) + kernel.discards(on: 1002) { kernel.complete(discard.token, 0) }
        }
        let (kernel, _) = try server.run(
            { number, connection, context in
                if number == 0 {
                    context.state.pointee.adopt(DetachedConnection(1001, unread: []) {}, nil)
                    connection.detach { _ = $0.takeDescriptors() }
                }
                return .continue
            },
            script: [
                {
                    $0.otherSockets = [1001]
                    $0.unheard = [1001: [5], 1002: [5]]
                    try $0.accept(1000, on: server.listeners[0])
                },
                answer, answer, answer,
                { try $0.accept(1002, on: server.listeners[0]) },
                answer, answer,
            ]
        )
        let discards = kernel.history.map(\.operation).filter {
            switch $0 {
            case .discardInput, .discardByReading: true
            default: false
            }
        }
        #expect(discards == [.discardByReading(descriptor: 1001), .discardInput(descriptor: 1002)])
        let looks = kernel.allCalls.filter { if case .discardInput = $0 { true } else { false } }
        #expect(looks == [.discardInput(1001, isPlainTCP: false), .discardInput(1002, isPlainTCP: true)])
        #expect(kernel.closes(of: 1001) == 1 && kernel.closes(of: 1002) == 1)
    }
}
