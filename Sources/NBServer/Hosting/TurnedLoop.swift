internal import NBEngine
internal import NBLibc

/// A begun loop that its host turns, whatever its engine.
///
/// Not generic, and made where the compiler knows the engine: it specializes the loop there. Made, turned and freed by one thread.
struct TurnedLoop {
    /// Readable when a turn is due. A copy that the ``EmbeddedServer`` closes: the engine's own goes with the loop.
    let descriptor: Int32
    /// Makes one turn that does not wait.
    let turn: (inout Int) -> TurnEnd
    /// How the loop has ended, once a turn was `done`.
    let result: () -> Result<StopReason, ServerError>
    /// Frees the loop, which has ended.
    let free: () -> Void

    init(
        descriptor: Int32,
        turn: @escaping (inout Int) -> TurnEnd,
        result: @escaping () -> Result<StopReason, ServerError>,
        free: @escaping () -> Void
    ) {
        (self.descriptor, self.turn, self.result, self.free) = (descriptor, turn, result, free)
    }

    /// Makes the engine that the options ask for, and a loop on it, and begins.
    ///
    /// - Throws: ``ServerError`` if there is no engine, or the behavior declined or could not begin; the behavior and the sockets are
    ///   gone then.
    init(
        _ resources: ServerResources,
        _ control: LoopControl,
        _ options: ServerOptions
    ) throws(ServerError) {
        switch try ChosenEngine(options) {
        case .ring(let engine): try self.init(resources, control, options, on: engine)
        case .epoll(let engine): try self.init(resources, control, options, on: engine)
        }
    }

    private init<LoopEngine: Engine & ~Copyable>(
        _ resources: ServerResources,
        _ control: LoopControl,
        _ options: ServerOptions,
        on engine: consuming LoopEngine
    ) throws(ServerError) {
        try self.init(Loop(resources, control, options, on: engine))
    }

    /// Takes over a loop, and begins.
    init<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>(
        _ made: consuming Loop<LoopEngine, Calls>
    ) throws(ServerError) {
        let loop = UnsafeMutablePointer<Loop<LoopEngine, Calls>>.allocate(capacity: 1)
        loop.initialize(to: made)
        let ledger = loop.pointee.ledger
        let free = {
            loop.deinitialize(count: 1)
            loop.deallocate()
        }
        ledger.enterLoop()
        var copy: Int32 = -1
        do throws(ServerError) {
            copy = try loop.pointee.openHostDescriptor()
            loop.pointee.serve(try loop.pointee.begin())
        } catch {
            ledger.leaveLoop()
            free()
            if copy >= 0 { NBLibc.close(copy) }
            throw error
        }
        descriptor = copy
        ledger.leaveTurn()
        turn = { loop.pointee.turn(mayWait: false, budget: &$0) }
        result = { loop.pointee.state.pointee.result }
        self.free = free
    }
}

extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    fileprivate mutating func openHostDescriptor() throws(ServerError) -> Int32 {
        let descriptor: Int32
        do throws(EngineError) {
            descriptor = try openDescriptor()
        } catch {
            throw ServerError(error)
        }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else {
            let cure = "raise the limit of descriptors (ulimit -n)"
            throw ServerError(.outOfResources, operation: "fcntl", errno: errno, cure: cure)
        }
        return copy
    }
}
