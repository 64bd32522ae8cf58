import Testing

@testable import NBServer

/// Connections and contexts where they do not belong: with another server, on another thread. Each ends a process of its own.
@Suite struct MisuseTests {
    /// What a callback has been given, moved to where it does not belong.
    private final class Lent: @unchecked Sendable {
        private var connection: Connection?

        init(_ connection: consuming Connection) { self.connection = consume connection }

        func take() -> Connection {
            // Each test takes it once.
            connection.take()!
        }
    }

    private struct Worker: ConnectionWorker {
        var onConnected: (borrowing WorkerConnection<Self>) -> Void = { _ in }

        func connected(_ connection: borrowing WorkerConnection<Self>) { onConnected(connection) }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
    }

    enum ForeignUse: String, CaseIterable, Codable {
        case keep, assign, askForListener
    }

    @Test(arguments: ForeignUse.allCases)
    func aConnectionGivenToAnotherServersContextEndsTheProcess(_ use: ForeignUse) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [use] in
            let (own, other) = (try ScriptedServer(), try ScriptedServer())
            let (listener, otherListener) = (own.listeners[0], other.listeners[0])
            try own.run(
                { _, connection, _ in
                    let lent = Lent(connection)
                    try other.run(
                        { _, _, context in
                            switch use {
                            case .keep: _ = context.keep(lent.take())
                            case .assign: context.assign(lent.take(), to: Worker())
                            case .askForListener: _ = context.listenerAddress(of: lent.take())
                            }
                            return .continue
                        },
                        script: [{ try $0.accept(2000, on: otherListener) }]
                    )
                    return .continue
                },
                script: [{ try $0.accept(1000, on: listener) }]
            )
        }
        Self.expect(result, tells: "a connection was given to another server's context: use Connection.handOff(to:)")
    }

    /// What a release build does not look at.
    #if DEBUG
    enum Stray: String, CaseIterable, Codable {
        case connection, dropped, kept, context, worker
    }

    @Test(arguments: Stray.allCases)
    func aDebugBuildEndsWhenAnotherThreadUsesWhatIsTheLoops(_ stray: Stray) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [stray] in
            let server = try ScriptedServer()
            let listener = server.listeners[0]
            try server.run(
                { _, connection, context in
                    let state = Address(context.state)
                    if stray == .worker {
                        let worker = Worker { connection in
                            let slot = Address(connection.slot)
                            HelperThread {
                                let place = WorkerPlace(state: state.pointer, slot: slot.pointer)
                                WorkerConnection<Worker>(place).send("hello")
                            }.join()
                        }
                        context.assign(connection, to: worker)
                        return .continue
                    }
                    let lent = Lent(connection)
                    HelperThread {
                        switch stray {
                        case .connection: lent.take().send("hello")
                        case .dropped: _ = lent.take()
                        case .kept: _ = ServerContext(state.pointer).keep(lent.take())
                        case .context, .worker: _ = ServerContext(state.pointer).counters
                        }
                    }.join()
                    return .continue
                },
                script: [{ try $0.accept(1000, on: listener) }, { _ in }]
            )
        }
        let subject = stray == .context || stray == .kept ? "a server's context" : ""
        Self.expect(result, tells: subject + " is used outside of")
    }

    /// Carries a pointer to another thread.
    private struct Address<Pointee: ~Copyable>: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<Pointee>
        init(_ pointer: UnsafeMutablePointer<Pointee>) { self.pointer = pointer }
    }
    #endif

    /// A connection that is held beyond the end of its server may be dropped on any thread.
    @Test func anOrphanIsDroppedOnAnyThread() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        var held: Lent?
        try server.run(
            { _, connection, _ in
                held = Lent(connection)
                return .continue
            },
            script: [{ try $0.accept(1000, on: listener) }]
        )
        let orphan = try #require(held)
        held = nil
        HelperThread {
            let connection = orphan.take()
            connection.send("late")
        }.join()
    }

    private static func expect(
        _ result: ExitTest.Result?,
        tells words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let told = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(told.contains(words), sourceLocation: sourceLocation)
    }
}
