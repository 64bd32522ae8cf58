import Glibc
import NBEngine
import Testing

@testable import NBServer
@testable import NBUring

/// The article that lists every error as it is said: made of real errors here, and compared with the file.
/// `NB_WRITE_ERRORS=1 ./dev test --filter ErrorReferenceTests` writes the file.
@Suite struct ErrorReferenceTests {
    private static let path =
        #filePath.firstRange(of: "/Tests/NBServerTests/").map { #filePath[..<$0.lowerBound] }
        .map { "\($0)/Sources/NBServer/NBServer.docc/Errors.md" } ?? ""

    @Test func theArticleSaysWhatIsSaid() async throws {
        let article = try await article()
        if getenv("NB_WRITE_ERRORS") != nil {
            let file = try #require(fopen(Self.path, "we"))
            fputs(article, file)
            fclose(file)
        }
        let file = try #require(fopen(Self.path, "re"), "there is no \(Self.path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        #expect(String(decoding: bytes, as: UTF8.self) == article, "NB_WRITE_ERRORS=1 writes it anew")
    }

    private func article() async throws -> String {
        var text = """
            # Errors

            Every error as the library says it, with its cause and its cure.

            ## Overview

            An error is one line for a log: the address that it is about, the step that failed, what the kernel said, and what to do. Programs look
            at its case or its code. `ErrorReferenceTests` makes this page of real errors; numbers and names in it are examples.


            """
        text += "## ServerError\n\nWhat ``ServerError/description`` says, by ``ServerError/code``.\n\n"
        text += Self.table("code", try await serverErrors().map { ("ServerError/Code/\($0.code)", $0.description) })
        text += "## CallError\n\nWhy a call has no answer.\n\n"
        text += Self.table("case", callErrors.map { ("CallError/\(Self.name($0))", $0.description) })
        text += "## CastError\n\nWhy a message, or a connection, was not taken.\n\n"
        text += Self.table("case", castErrors.map { ("CastError/\(Self.name($0))", $0.description) })
        text += "## ByteStreamError\n\nWhy a task cannot receive bytes, or send them.\n\n"
        text += Self.table("case", byteStreamErrors.map { ("ByteStreamError/\(Self.name($0))", $0.description) })
        text += "## UnknownConnection\n\nWhy a name means no connection.\n\n"
        text += Self.table("", unknownConnections.map { ("UnknownConnection", $0.description) })
        text += "## CloseReason\n\nWhy a worker's connection has ended.\n\n"
        text += Self.table("case", closeReasons.map { ("CloseReason/\(Self.name($0))", $0.description) })
        text += "## StopReason\n\nWhy a server has stopped.\n\n"
        text += Self.table("case", stopReasons.map { ("StopReason/\(Self.name($0))", $0.description) })
        return text.trimmedEnd + "\n"
    }

    private static func table(_ title: String, _ rows: [(link: String, words: String)]) -> String {
        "| \(title) | as it is said |\n| --- | --- |\n"
            + rows.map { "| ``\($0.link)`` | \($0.words.replacing("|", with: "\\|").replacing("`", with: "")) |\n" }
            .joined() + "\n"
    }
}

// What there is, with a name for each case: a new one does not compile without.
extension ErrorReferenceTests {
    private func serverErrors() async throws -> [ServerError] {
        let address = try SocketAddress("192.0.2.1:80")
        let errors: [ServerError?] =
            [
                thrown { try Server(Clerk(), listening: [], options: ServerOptions(quantum: 0)) },
                OptionRange.error(
                    "WorkerConnection.receive(exactly:)",
                    0,
                    "from 1 to WorkerOptions.frameLimit, 1048576",
                    code: .invalidArgument
                ),
                thrown { try Server(Clerk(), listening: ["localhost:80"]) },
                .bind(EADDRINUSE, address), .bind(EADDRNOTAVAIL, address), .bind(EACCES, address),
                .accept(EPERM, address: address.description),
                thrown { try Server(Clerk(), listening: ["127.0.0.1:0"], options: ServerOptions(listenerLimit: 0)) },
                .alreadyListening(address),
                ServerError(
                    .notListening,
                    operation: "remove listener",
                    address: address.description,
                    cure: ListenerName.address(address).cure
                ),
                .notDetached(Self.cause(.lost, errno: EPIPE)), .notDetached(Self.cause(.expired)),
                .notDetached(CloseCause()),
                thrown { try DetachedConnection(adopting: -1) },
                .accept(EMFILE, address: address.description), .accept(ENFILE, address: address.description),
                .accept(ENOMEM, address: address.description),
            ]
            + [RingError.setup(ENOSYS), .setup(EPERM), .setup(ENOMEM), .tooOld, .enter(EACCES)].map { error in
                ServerError(EngineError(operation: error.operation, errno: error.errno, advice: error.advice))
            }
        return errors.compactMap(\.self) + (try await errorsOfRunning()) + [
            .accept(EINVAL, address: address.description)
        ] + (try errorsOfExecutors())
    }

    private func errorsOfExecutors() throws -> [ServerError] {
        let (embedded, running) = (try Server(Clerk(), listening: []), try Server(Clerk(), listening: []))
        try embedded.expectEmbeddable()
        _ = try running.executor
        return [thrown { try embedded.executor }, thrown { try running.expectEmbeddable() }].compactMap(\.self)
    }

    /// Those of a server that runs, or is to.
    private func errorsOfRunning() async throws -> [ServerError] {
        struct Trouble: Error, CustomStringConvertible { let description = "the configuration cannot be read" }
        let ended = try Server(Clerk(), listening: [])
        try await ended.start()
        await ended.stop()
        var declining = Clerk()
        declining.onBegin = { _, _ in .stop }
        var failing = Clerk()
        failing.onBegin = { _, _ in throw Trouble() }
        return [
            await thrownLater {
                try await Server(Clerk(), listening: []).start(stoppingOn: [Signal(rawValue: SIGKILL)])
            },
            .noThread(EAGAIN),
            await thrownLater { try await ended.start() },
            await thrownLater { [declining] in try await Server(declining, listening: []).start() },
            await thrownLater { [failing] in try await Server(failing, listening: []).start() },
            await thrownLater { try await ended.addListener(on: "127.0.0.1:0") },
            ServerError(.timeout(.seconds(5)), operation: "listen", address: "192.0.2.1:80"),
            .mailboxFull,
        ].compactMap(\.self)
    }

    @Test func everyCodeIsThere() async throws {
        let codes: [ServerError.Code] = [
            .invalidOption, .invalidArgument, .invalidAddress, .addressInUse, .addressUnavailable, .notPermitted,
            .tooManyListeners, .alreadyListening, .notListening, .connectionEnded, .socket, .outOfResources,
            .engineUnavailable, .signals, .thread, .alreadyRan, .declined, .beginFailed, .stopped, .unanswered,
            .mailboxFull, .listenerDown, .noExecutor,
        ]
        #expect(Set(try await serverErrors().map(\.code)) == Set(codes))
        // One that is added belongs in the list above.
        switch codes[0] {
        case .invalidOption, .invalidArgument, .invalidAddress, .addressInUse, .addressUnavailable, .notPermitted,
            .tooManyListeners, .alreadyListening, .notListening, .connectionEnded, .socket, .outOfResources,
            .engineUnavailable, .signals, .thread, .alreadyRan, .declined, .beginFailed, .stopped, .unanswered,
            .mailboxFull, .listenerDown, .noExecutor:
            break
        }
    }

    private var callErrors: [CallError] {
        [
            .timeout(.seconds(5)), .stopped(.requested), .unanswered, .cancelled, .mailboxFull(limit: 1000),
            .calledItself,
        ]
    }

    private static func name(_ error: CallError) -> String {
        switch error {
        case .timeout: "timeout(_:)"
        case .stopped: "stopped(_:)"
        case .unanswered: "unanswered"
        case .cancelled: "cancelled"
        case .mailboxFull: "mailboxFull(limit:)"
        case .calledItself: "calledItself"
        }
    }

    private var castErrors: [CastError] {
        [.stopped(.requested), .mailboxFull(limit: 1000), .connectionTaken, .workerGone(id)]
    }

    private static func name(_ error: CastError) -> String {
        switch error {
        case .stopped: "stopped(_:)"
        case .mailboxFull: "mailboxFull(limit:)"
        case .connectionTaken: "connectionTaken"
        case .workerGone: "workerGone(_:)"
        }
    }

    private var byteStreamErrors: [ByteStreamError] {
        [.ended(.lost(errno: ECONNRESET)), .timedOut(.idle), .frameCut(byteCount: 3), .outputFinished, .taken]
    }

    private static func name(_ error: ByteStreamError) -> String {
        switch error {
        case .ended: "ended(_:)"
        case .timedOut: "timedOut(_:)"
        case .frameCut: "frameCut(byteCount:)"
        case .outputFinished: "outputFinished"
        case .taken: "taken"
        }
    }

    private var unknownConnections: [UnknownConnection] {
        let control = LoopControl()
        let own = ConnectionID(server: control.server, slot: 0, number: 17)
        return [UnknownConnection(own, askedOf: control), UnknownConnection(id, askedOf: control)]
    }

    private var id: ConnectionID { ConnectionID(server: 0, slot: 0, number: 17) }

    private var closeReasons: [CloseReason] {
        [
            .closed, .frameCut(byteCount: 3), .reset, .detached, .failed(UnknownConnection(id, askedOf: LoopControl())),
            .lost(errno: ECONNRESET), .frameTooLong, .queueTooLong, .expired, .stopped, .unknown,
        ]
    }

    private static func name(_ reason: CloseReason) -> String {
        switch reason {
        case .closed: "closed"
        case .frameCut: "frameCut(byteCount:)"
        case .reset: "reset"
        case .detached: "detached"
        case .failed: "failed(_:)"
        case .lost: "lost(errno:)"
        case .frameTooLong: "frameTooLong"
        case .queueTooLong: "queueTooLong"
        case .expired: "expired"
        case .stopped: "stopped"
        case .unknown: "unknown"
        }
    }

    private var stopReasons: [StopReason] {
        [
            .requested, .signal(.terminate), .verdict("the shop closes"), .drained(unfinished: 0),
            .drained(unfinished: 2), .failed(ServerError.mailboxFull),
        ]
    }

    private static func name(_ reason: StopReason) -> String {
        switch reason {
        case .requested: "requested"
        case .signal: "signal(_:)"
        case .verdict: "verdict(_:)"
        case .drained: "drained(unfinished:)"
        case .failed: "failed(_:)"
        }
    }

    private static func cause(_ kind: CloseCause.Kind, errno: Int32 = 0) -> CloseCause {
        var cause = CloseCause()
        cause.note(kind, errno: errno)
        return cause
    }

    private func thrown<Value>(by body: () throws -> Value) -> ServerError? {
        do { _ = try body() } catch let error as ServerError { return error } catch {}
        return nil
    }

    private func thrownLater<Value>(by body: () async throws -> Value) async -> ServerError? {
        do { _ = try await body() } catch let error as ServerError { return error } catch {}
        return nil
    }
}

extension String {
    fileprivate var trimmedEnd: String { String(reversed().drop { $0 == "\n" }.reversed()) }
}
