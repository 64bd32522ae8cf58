internal import CNBServer
internal import NBLibc
internal import NBServer

/// A server of a C program: what a handle stands for.
///
/// Any thread, but for what belongs to the thread that turns it. It refuses what the Swift interface takes for a mistake of its caller.
///
/// ```
///  ready ── descriptor ──▶ turned       ── start ──▶ started       ── stop ──▶ cancelled
///  turned, started ── it cannot begin ──▶ failed
///  any ── free ──▶ freed
/// ```
final class HostedServer: @unchecked Sendable {
    private enum Life {
        case ready
        /// By this thread, as pthread_self(3) says it.
        case turned(by: UInt)
        case started
        /// It could not begin.
        case failed(ServerError)
        /// Stopped before it ran.
        case cancelled
        case freed
    }

    private let server: Server<BatchingServer>
    private let deliveries: Deliveries
    private let options: HostedServerOptions
    /// The process that made it.
    private let process = ForkMark.current
    private let life = Lock(Life.ready)
    /// How many listeners were added, and so the number of the next.
    private let listenerCount = Lock(UInt32(0))

    /// What is turned; the turning thread's.
    private var embedded: EmbeddedServer?

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
        throw Failure(NB_FORKED, "a forked child uses a server of its parent: make one of its own after fork(2)")
    }

    private func expectNoCallback(_ function: StaticString) throws(Failure) {
        guard deliveries.isInCallback else { return }
        let cure = "call it when the callback has returned"
        throw Failure(NB_IN_CALLBACK, "\(function) was called in a callback of the server: \(cure)")
    }
}

// Listening, and looking.
extension HostedServer {
    /// - Returns: the listener's number, and the address it was bound to.
    func addListener(on text: String) throws(Failure) -> (number: UInt32, address: String) {
        try listenerCount.withLock { count throws(Failure) in try expectRoomForListener(count) }
        do {
            let bound = try server.bind(Endpoint(text), options: options.socket)
            let number = try listenerCount.withLock { count throws(Failure) in
                try expectRoomForListener(count)
                count += 1
                return count - 1
            }
            try server.addListener(on: bound) { [deliveries] place in
                deliveries.batch.pointee.setNumber(number, ofListenerAt: place)
            }
            return (number, bound.address.description)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(error)
        }
    }

    private func expectRoomForListener(_ count: UInt32) throws(Failure) {
        let most = options.listenerLimit
        guard count < most else {
            let cause = "there are as many listeners as nb_options.maximum_listeners allows, \(most)"
            throw Failure(NB_TOO_MANY_LISTENERS, "nb_server_add_listener: \(cause)")
        }
    }

    var counters: nb_counters { deliveries.lastCounters }
}

// Running in turns.
extension HostedServer {
    /// The descriptor to watch; the first call makes the server the calling thread's.
    func descriptor() throws(Failure) -> Int32 {
        if try becomeTurned() {
            do throws(ServerError) {
                embedded = try server.embed()
            } catch {
                throw fail(error)
            }
        }
        return try turned.descriptor
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
        switch try turned.turn(budget: budget) {
        case .idle: return Int32(NB_IDLE)
        case .again: return Int32(NB_AGAIN)
        case .done(let reason): return try Self.result(reason)
        }
    }

    private var turned: EmbeddedServer {
        get throws(Failure) {
            guard let embedded else { throw Self.freed }
            return embedded
        }
    }

    /// It cannot begin, and never will: one that might begin later would have clients wait.
    private func fail(_ error: ServerError) -> Failure {
        life.withLock { $0 = .failed(error) }
        server.requestStop()
        return Failure(error)
    }

    private func expectTurningThread(_ function: StaticString) throws(Failure) {
        switch life.withLock({ $0 }) {
        case .turned(let thread):
            guard thread != currentThreadNumber() else { return }
            throw Self.wrongThread(function)
        case .started:
            throw Failure(
                NB_ALREADY_RUNS,
                "\(function): the server was started and has a thread of its own, which turns it"
            )
        case .ready:
            throw Failure(NB_NOT_RUNNING, "\(function): the server does not run yet: call nb_server_descriptor first")
        case .failed(let error): throw Failure(error)
        case .cancelled: throw Self.stoppedBefore(function)
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
        case .turned:
            throw Failure(NB_ALREADY_RUNS, "nb_server_start: a loop turns the server, since nb_server_descriptor")
        case .started: throw Failure(NB_ALREADY_RUNS, "nb_server_start: the server was started before; it runs once")
        case .failed(let error): throw Failure(error)
        case .cancelled: throw Self.stoppedBefore("nb_server_start")
        case .freed: throw Self.freed
        }
        // Its thread has the mask of this one, and the program's signals are for the program's own threads.
        var (all, mask) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &mask)
        defer { pthread_sigmask(SIG_SETMASK, &mask, nil) }
        do throws(ServerError) {
            try server.startBlocking()
        } catch {
            throw fail(error)
        }
    }

    /// Waits for the end of a server that was started, or never will be.
    func wait(milliseconds: Int64) throws(Failure) -> Int32 {
        switch life.withLock({ $0 }) {
        case .started, .cancelled: break
        case .ready: throw Failure(NB_NOT_RUNNING, "nb_server_wait: the server was not started")
        case .turned:
            throw Failure(
                NB_ALREADY_RUNS,
                "nb_server_wait: a loop turns the server, until nb_server_turn returns NB_DONE"
            )
        case .failed(let error): throw Failure(error)
        case .freed: throw Self.freed
        }
        try expectNoCallback("nb_server_wait")
        let limit: Duration? = milliseconds < 0 ? nil : .milliseconds(milliseconds)
        guard let reason = server.waitForEndBlocking(within: limit) else { return Int32(NB_AGAIN) }
        return try Self.result(reason)
    }
}

// Coming to an end.
extension HostedServer {
    func stop() {
        life.withLock { life in
            if case .ready = life { life = .cancelled }
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
        case .ready, .failed, .cancelled: server.requestStop()
        case .started: server.stopBlocking(within: .zero)
        case .freed: throw Self.freed
        }
    }
}
