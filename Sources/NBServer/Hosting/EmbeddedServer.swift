internal import NBLibc
internal import NBUring

/// A server without a thread, turned by a loop of yours.
///
/// ```swift
/// import Glibc
/// import NBServer
///
/// struct NoSoup: NonBlockingServer {
///     func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
///         connection.send("No soup for you!\n")
///         return .continue
///     }
/// }
///
/// let server = try Server(NoSoup(), listening: "127.0.0.1:7777")
/// let embedded = try server.embed()
/// var watched = [pollfd(fd: embedded.descriptor, events: Int16(POLLIN), revents: 0)]
/// while true {
///     poll(&watched, 1, -1)  // Watch whatever else your loop watches, too.
///     if case .done(let reason) = embedded.turn() {
///         print("ended: \(reason)")
///         break
///     }
/// }
/// ```
///
/// ``descriptor`` is readable, level-triggered, whenever there is something to do: connections, messages, timers, limits. The host needs no
/// timeout of its own. Other threads and tasks use the ``Server`` as usual.
///
/// ```
///  embed ──▶ idle ── the descriptor is readable: turn ──▶ idle, or again when the budget is spent
///              └── a stop, a drain, a verdict, a failure: turn ──▶ … ──▶ done
/// ```
///
/// The thread that called ``Server/embed()`` owns the object. A turn on another thread, in a callback of the same server, or in a forked
/// child is a precondition failure. Several embedded servers on one thread are independent.
///
/// Between turns, a reply to a call leaves at once. Requests to a ``Connection`` are done in the next turn, so make one. The thread must
/// not wait for its own server: ``Server/callBlocking(_:within:)`` throws ``CallError/calledItself``, and ``Server/stopBlocking(within:)``
/// is a precondition failure. An `await` is allowed.
///
/// What it does to the process:
///
/// | | |
/// |---|---|
/// | threads | makes none; a call with a time limit starts the library's clock, one thread for all servers |
/// | signals | no handler, no mask. On a ring with less than Linux 6.1 offers, the kernel interrupts the thread when something arrives, so a wait of the host may end with `EINTR` |
/// | descriptors | one for the engine, two for waking it (three on epoll), one for each listener and connection, and one in reserve if it sheds. 0 to 2 are opened on `/dev/null` if they are closed |
/// | memory | the engine's queues, about 300 bytes for each connection, and what waits to be sent |
/// | `fork(2)` | the child has copies of all descriptors. It must not turn the server. Dropping the object there does nothing |
public final class EmbeddedServer {
    /// What a turn leaves to the host.
    public enum TurnResult: Sendable {
        /// Nothing is left. Wait until the descriptor is readable.
        case idle
        /// Another turn is due, now or when the host has time: the budget is spent, or the kernel needs time. The descriptor is readable,
        /// so a level-triggered host may ignore this.
        case again
        /// The server has ended, for this reason. ``StopReason/failed(_:)`` has a ``ServerError`` if the engine failed. Everything is
        /// closed, and `terminate` has run. Stop watching the descriptor. Further turns return the same.
        case done(StopReason)
    }

    /// Readable whenever there is something to do; for `poll(2)`, `epoll(7)` and the like.
    ///
    /// A host that is a ring polls the descriptor again after every turn, because the kernel ends a multishot poll of a descriptor that
    /// another ring signals. A host that watches edge-triggered turns until ``TurnResult/idle``.
    ///
    /// The descriptor is open until this object is dropped. The host must never read, write or close it.
    public var descriptor: Int32 { loop.descriptor }

    /// The calling thread's server, which has begun.
    private let loop: TurnedLoop
    private let control: LoopControl
    private let ledger: CallLedger
    private let finish: (Result<StopReason, ServerError>) -> Void
    /// The process that turns it.
    private let process = ForkMark.current
    private var end: StopReason?

    init(
        _ loop: TurnedLoop,
        _ control: LoopControl,
        _ ledger: CallLedger,
        finish: @escaping (Result<StopReason, ServerError>) -> Void
    ) {
        self.loop = loop
        self.control = control
        self.ledger = ledger
        self.finish = finish
        // The first turn is due: what the behavior has asked for in its beginning is to be submitted.
        control.doorbell.ring()
    }

    /// Does what there is to do, and never waits.
    ///
    /// - Parameter budget: at most how many connections, completions and messages, so that the host's other work is not delayed. Below 1 is
    ///   1. If completions use the budget up, one message is handled all the same, so that a server under load can be called, drained and
    ///   stopped.
    /// - Returns: what is left to the host. A host that watches the descriptor level-triggered may ignore all but ``TurnResult/done(_:)``.
    @discardableResult
    public func turn(budget: Int = 1024) -> TurnResult {
        if let end { return .done(end) }
        precondition(
            ForkMark.current == process,
            "a forked child turns a server of its parent; make one of its own after fork(2)"
        )
        precondition(!ledger.isOffLoopThread, "an embedded server is turned by the thread that called embed()")
        precondition(!ledger.isInCallback, "a callback turns the server that called it")
        ledger.enterTurn()
        let turnEnd = spend(max(1, budget))
        if turnEnd == .done { return .done(finishLoop()) }
        ledger.leaveTurn()
        guard turnEnd == .again else { return .idle }
        control.doorbell.ring()
        return .again
    }

    /// Makes the calling thread the server's, which must not be in a turn. For a test kit, whose calls come one after the other and may
    /// come from a task that changes its thread.
    package func moveToThisThread() {
        guard end == nil else { return }
        ledger.enterLoop()
        ledger.leaveTurn()
    }

    private func spend(_ budget: Int) -> TurnEnd {
        var rest = budget
        var turnEnd = TurnEnd.again
        while turnEnd == .again && rest > 0 {
            let before = rest
            turnEnd = loop.turn(&rest)
            // A kernel that is short of memory is asked again and again.
            if rest == before { rest -= 1 }
        }
        return turnEnd
    }

    private func finishLoop() -> StopReason {
        ledger.leaveLoop()
        let result = loop.result()
        // Before the loop is gone, whose end runs code of others.
        end = result.reason
        loop.free()
        finish(result)
        // A message that came too late has made the descriptor readable.
        EventDescriptor.clear(descriptor)
        return result.reason
    }

    /// Resets the connections of a server that has not ended, runs `terminate`, and closes everything, without waiting for any peer. On the
    /// owning thread. In a forked child it does nothing.
    deinit {
        if end == nil {
            guard ForkMark.current == process else { return }
            control.requestStop(within: .zero)
            // What is in flight is cancelled, so the kernel owes its end.
            while end == nil {
                if case .idle = turn() { _ = isReadable(descriptor, within: -1) }
            }
        }
        NBLibc.close(descriptor)
    }
}
