internal import NBLibc
internal import Synchronization

/// A server's thread as an executor, for actors and tasks that run beside its callbacks.
///
/// ```swift
/// import NBServer
///
/// actor Desk {
///     private let executor: ServerExecutor
///     nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
///     private(set) var count = 0
///
///     init(on executor: ServerExecutor) { self.executor = executor }
///     func note() { count += 1 }
/// }
///
/// // In a callback of the server, without a hop:
/// func note(at desk: Desk) { desk.assumeIsolated { $0.note() } }
/// ```
///
/// Jobs run between callbacks, one at a time, in order. At most 256 jobs run before connections have their turn again. A job must not
/// block. Like messages, jobs wait until the server runs. They do not count against the mailbox's limit, and run while messages are
/// suspended and while the server stops.
///
/// ```
///  waiting ── the server runs ──▶ on its thread ── terminate, a last turn ──▶ on the global executor
///     └── the server is stopped or dropped before it ran ──────────────────────────▲
/// ```
///
/// When the thread is gone, jobs run on the global executor, still one at a time, so that no actor hangs. An actor keeps its executor
/// alive.
///
/// Any thread may enqueue, but not a signal handler. See ``Server/executor``.
public final class ServerExecutor: SerialExecutor, TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// The loop takes no more.
        var isOver = false
        /// A task of the global executor runs them.
        var isSucceeded = false
    }

    private enum Use: UInt8, AtomicRepresentable {
        case none, executor, embedded
    }

    private let control: LoopControl
    private let ledger: CallLedger
    private let state = Lock(State())
    /// Whether the loop has not taken all of the jobs.
    private let hasNews = Atomic<Bool>(false)
    /// The thread that runs jobs after the loop has ended, as `pthread_self(3)` says it; 0 while none does.
    private let successor = Atomic<UInt>(0)
    private let use = Atomic<Use>(.none)

    /// What the loop has taken. A pointer, because a stored property would be checked for exclusive access at every turn. Loop's
    /// thread only.
    nonisolated(unsafe) private let taken: UnsafeMutablePointer<Taken>

    private struct Taken {
        var jobs: [UnownedJob] = []
        /// How many of them have run.
        var position = 0

        var count: Int { jobs.count - position }
    }

    init(_ control: LoopControl, _ ledger: CallLedger) {
        self.control = control
        self.ledger = ledger
        taken = .allocate(capacity: 1)
        taken.initialize(to: Taken())
    }

    deinit {
        taken.deinitialize(count: 1)
        taken.deallocate()
    }

    /// Takes a job, and wakes the server if it sleeps.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsSuccessor: Bool? = state.withLock { state in
            state.jobs.append(job)
            guard state.isOver else {
                hasNews.store(true, ordering: .sequentiallyConsistent)
                return nil
            }
            defer { state.isSucceeded = true }
            return !state.isSucceeded
        }
        switch needsSuccessor {
        case nil: control.doorbell.ringIfAsleep()
        case true?: startSuccessor()
        case false?: break
        }
    }

    /// Whether the caller runs on this executor: in a callback of the server, or in a job.
    public func isIsolatingCurrentContext() -> Bool? { isIsolating }

    /// Ends the process, in every build, unless the caller runs on this executor.
    public func checkIsolated() {
        // Not a precondition: an optimized build does not print its words.
        if !isIsolating {
            fatalError(
                "this runs outside of the server's thread: enter it by an await, or from a callback of that server"
            )
        }
    }

    private var isIsolating: Bool {
        ledger.isOnLoopThread || successor.load(ordering: .relaxed) == currentThreadNumber()
    }

    private func run(_ job: UnownedJob) {
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
}

// What the server's thread does.
extension ServerExecutor {
    /// Whether a job waits. A loop that asks this after it has published that it sleeps is woken for what comes later.
    var hasJobs: Bool { hasNews.load(ordering: .sequentiallyConsistent) || taken.pointee.count > 0 }

    /// Runs a turn's jobs, whatever stage the loop is in; one also where the budget is spent.
    @inline(never)
    func runJobs(_ budget: inout Int) {
        budget = max(0, budget - runJobs(atMost: max(1, min(budget, Mail.quantum))))
    }

    /// Runs jobs that wait, so many at the most; returns how many.
    func runJobs(atMost limit: Int) -> Int {
        var count = 0
        ledger.isInJob = true
        while count < limit, let job = nextJob() {
            count += 1
            run(job)
        }
        ledger.isInJob = false
        ledger.flush()
        return count
    }

    /// The last turn: runs the jobs that wait now, and none that they bring about.
    func runLastJobs() {
        guard hasJobs else { return }
        let count = taken.pointee.count + state.withLock { $0.jobs.count }
        _ = runJobs(atMost: count)
    }

    private func nextJob() -> UnownedJob? {
        if taken.pointee.count == 0 { takeJobs() }
        guard taken.pointee.count > 0 else { return nil }
        defer { taken.pointee.position += 1 }
        return taken.pointee.jobs[taken.pointee.position]
    }

    private func takeJobs() {
        guard hasNews.load(ordering: .relaxed) else { return }
        taken.pointee.jobs.removeAll(keepingCapacity: true)
        taken.pointee.position = 0
        state.withLock { state in
            swap(&taken.pointee.jobs, &state.jobs)
            hasNews.store(false, ordering: .relaxed)
        }
    }
}

// What happens when there is no such thread.
extension ServerExecutor {
    /// The server's thread is gone, or will never be: what waits and what comes runs on the global executor.
    func handOver() {
        let left = taken.pointee.jobs[taken.pointee.position...]
        taken.pointee.position = taken.pointee.jobs.count
        let needsSuccessor = state.withLock { state in
            state.isOver = true
            state.jobs.insert(contentsOf: left, at: 0)
            guard !state.isSucceeded, !state.jobs.isEmpty else { return false }
            state.isSucceeded = true
            return true
        }
        if needsSuccessor { startSuccessor() }
    }

    private func startSuccessor() {
        Task.detached { self.succeed() }
    }

    /// Runs what waits, one job after the other. What comes meanwhile is the next task's, so that other tasks have their turn.
    private func succeed() {
        let jobs = state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        successor.store(currentThreadNumber(), ordering: .relaxed)
        for job in jobs { run(job) }
        successor.store(0, ordering: .relaxed)
        let isDone = state.withLock { state in
            if state.jobs.isEmpty { state.isSucceeded = false }
            return !state.isSucceeded
        }
        if !isDone { startSuccessor() }
    }
}

// A server that is embedded has no executor, and one whose executor is in use is not embedded.
extension ServerExecutor {
    /// Notes that the executor is in use, unless the server is embedded; returns whether it may be.
    func noteUse() -> Bool { note(.executor) }

    /// Notes that the server is embedded, unless its executor is in use; returns whether it may be.
    func noteEmbedding() -> Bool { note(.embedded) }

    private func note(_ wanted: Use) -> Bool {
        let (isFirst, use) = use.compareExchange(expected: .none, desired: wanted, ordering: .relaxed)
        return isFirst || use == wanted
    }
}
