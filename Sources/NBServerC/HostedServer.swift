internal import CNBServer
internal import NBLibc
internal import NBServer

/// A server of a C program: what a handle stands for.
///
/// Any thread, but for what belongs to the thread that turns it. It refuses what the Swift interface takes for a mistake of its caller.
///
/// ```
///  ready ── descriptor ──▶ turned       ── start ──▶ started       ── stop ──▶ canceled
///    └── free, in any state ──▶ freed
/// ```
final class HostedServer: @unchecked Sendable {
    private enum Life {
        case ready
        /// By this thread, as pthread_self(3) says it.
        case turned(by: UInt)
        case started
        /// Stopped before it ran.
        case canceled
        case freed
    }

    private let server: Server<BatchingServer>
    private let deliveries: Deliveries
    private let options: HostedServerOptions
    /// The process that made it.
    private let process = ForkMark.current
    private let life = Lock(Life.ready)
    /// How many listeners there are, and so the number of the next.
    private let listenerCount = Lock(UInt32(0))

    /// What is turned, or why nothing is. The turning thread's.
    private var embedded: EmbeddedServer?
    private var beginFailure: ServerError?

    init(_ options: HostedServerOptions) throws(Failure) {
        self.options = options
        deliveries = Deliveries(options)
        do throws(ServerError) {
            let behavior = BatchingServer(deliveries)
            server = try Server(behavior, listening: [], options: options.server, observer: deliveries)
        } catch {
            throw Failure(error)
        }
    }

    /// Whether this is another process than the one that made it.
    var isForked: Bool { ForkMark.current != process }

    func expectOwnProcess() throws(Failure) {
        guard isForked else { return }
        throw Failure(NB_FORKED, "a forked child uses a server of its parent: it has to make one of its own after fork(2)")
    }

    private func expectNoCallback(_ function: StaticString) throws(Failure) {
        guard deliveries.isInCallback else { return }
        throw Failure(NB_IN_CALLBACK, "\(function) was called in a callback of the server: call it when the callback has returned")
    }
}

// Listening, and looking.
extension HostedServer {
    /// - Returns: the listener's number, and the address it was bound to.
    func addListener(on text: String) throws(Failure) -> (number: UInt32, address: String) {
        let most = options.maximumListeners
        let tooMany = Failure(NB_TOO_MANY_LISTENERS, "there are as many listeners as nb_options.maximum_listeners allows, \(most)")
        guard listenerCount.withLock({ $0 }) < most else { throw tooMany }
        do throws(ServerError) {
            let bound = try server.bind(Endpoint(text), options: options.socket)
            let address = bound.address.description
            let number: UInt32? = listenerCount.withLock { count in
                guard count < most else { return nil }
                count += 1
                return count - 1
            }
            guard let number else { return (number: .max, address: "") }
            try server.listen(on: bound) { [deliveries] in deliveries.batch.pointee.setNumber(number, ofListenerAt: $0) }
            return (number, address)
        } catch {
            throw Failure(error)
        }
    }

    var counters: nb_counters { deliveries.lastCounters }
}

// Running in turns.
extension HostedServer {
    /// The descriptor to watch; the first call makes the server the calling thread's.
    func descriptor() throws(Failure) -> Int32 {
        let isFirst = try becomeTurned()
        if isFirst {
            do throws(ServerError) {
                embedded = try server.embed()
            } catch {
                beginFailure = error
            }
        }
        if let embedded { return embedded.descriptor }
        throw failure
    }

    private func becomeTurned() throws(Failure) -> Bool {
        let thread = currentThreadNumber()
        let isFirst: Bool? = life.withLock { life in
            guard case .ready = life else { return nil }
            life = .turned(by: thread)
            return true
        }
        if isFirst == nil { try expectTurningThread("nb_server_descriptor") }
        return isFirst ?? false
    }

    func turn(budget: Int) throws(Failure) -> Int32 {
        try expectTurningThread("nb_server_turn")
        try expectNoCallback("nb_server_turn")
        guard let embedded else { throw failure }
        switch embedded.turn(budget: budget) {
        case .idle: return Int32(NB_IDLE)
        case .again: return Int32(NB_AGAIN)
        case .done(let reason): return try Self.result(reason)
        }
    }

    /// Why a server that was to be turned is not.
    private var failure: Failure {
        // A first call of nb_server_descriptor that does not fail embeds it.
        beginFailure.map { Failure($0) } ?? Self.freed
    }

    private func expectTurningThread(_ function: StaticString) throws(Failure) {
        switch life.withLock({ $0 }) {
        case .turned(let thread):
            guard thread != currentThreadNumber() else { return }
            throw Self.wrongThread(function)
        case .started:
            throw Failure(NB_ALREADY_RUNS, "\(function): the server was started and has a thread of its own, which turns it")
        case .ready:
            throw Failure(NB_NOT_RUNNING, "\(function): the server does not run yet: call nb_server_descriptor first")
        case .canceled: throw Self.stoppedBefore(function)
        case .freed: throw Self.freed
        }
    }

    /// How a server that has ended is told from one that failed.
    private static func result(_ reason: StopReason) throws(Failure) -> Int32 {
        if case .failed(let error) = reason { throw Failure(error) }
        return Int32(NB_DONE)
    }

    private static func stoppedBefore(_ function: StaticString) -> Failure {
        Failure(NB_STOPPED, "\(function): the server was stopped before it ran: make another one")
    }

    private static func wrongThread(_ function: StaticString) -> Failure {
        let cure = "that is for the thread that called nb_server_descriptor first"
        return Failure(NB_WRONG_THREAD, "\(function) was called by another thread than turns the server: \(cure)")
    }

    private static let freed = Failure(NB_INVALID_HANDLE, "the server is being freed")
}

// Running on a thread of its own.
extension HostedServer {
    func start() throws(Failure) {
        let before: Life = life.withLock { life in
            defer { if case .ready = life { life = .started } }
            return life
        }
        switch before {
        case .ready: break
        case .turned: throw Failure(NB_ALREADY_RUNS, "nb_server_start: a loop turns the server, since nb_server_descriptor")
        case .started: throw Failure(NB_ALREADY_RUNS, "nb_server_start: the server was started before; it runs once")
        case .canceled: throw Self.stoppedBefore("nb_server_start")
        case .freed: throw Self.freed
        }
        // Its thread has the mask of this one, and the program's signals are for the program's own threads.
        var (all, mask) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &mask)
        defer { pthread_sigmask(SIG_SETMASK, &mask, nil) }
        do throws(ServerError) {
            try server.start()
        } catch {
            throw Failure(error)
        }
    }

    /// Waits for the end of a server that was started, or never will be.
    func wait(milliseconds: Int64) throws(Failure) -> Int32 {
        switch life.withLock({ $0 }) {
        case .started, .canceled: break
        case .ready: throw Failure(NB_NOT_RUNNING, "nb_server_wait: the server was not started")
        case .turned: throw Failure(NB_ALREADY_RUNS, "nb_server_wait: a loop turns the server, until nb_server_turn returns NB_DONE")
        case .freed: throw Self.freed
        }
        try expectNoCallback("nb_server_wait")
        let limit: Duration? = milliseconds < 0 ? nil : .milliseconds(milliseconds)
        guard let reason = server.endedBlocking(within: limit) else { return Int32(NB_AGAIN) }
        return try Self.result(reason)
    }
}

// Coming to an end.
extension HostedServer {
    func stop() {
        life.withLock { life in
            if case .ready = life { life = .canceled }
        }
        server.requestStop()
    }

    func drain(milliseconds: UInt32) {
        server.requestDrain(within: .milliseconds(Int64(milliseconds)))
    }

    /// Ends it, if it has not ended, without waiting for a client.
    func free() throws(Failure) {
        try expectNoCallback("nb_server_free")
        let thread = currentThreadNumber()
        let before: Life = life.withLock { life in
            if case .turned(let turner) = life, turner != thread { return life }
            defer { life = .freed }
            return life
        }
        switch before {
        case .turned(let turner) where turner != thread: throw Self.wrongThread("nb_server_free")
        case .turned: embedded = nil
        case .ready, .canceled: server.requestStop()
        case .started: server.stopBlocking(within: .zero)
        case .freed: throw Self.freed
        }
    }
}
