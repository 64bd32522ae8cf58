/// What the loop runs on: takes operations, waits, and gives completions back. A completion queue, and nothing else.
///
/// In production it is a ring or epoll; tests bring engines that follow a script, and a simulated kernel. The loop, its policies and its
/// state machines are the same on all of them. Owned by the loop; used by the loop's thread only.
///
/// ```
///  submit ──▶ enter ──▶ the kernel ──▶ completions ──▶ batch
/// ```
///
/// The loop relies on this, and one suite of tests, `EngineConformanceTests`, looks whether every engine keeps it:
///
/// - **Order.** Operations are carried out in the order of submission, at the latest by the next ``enter(until:)`` that the kernel has
///   memory for. So the descriptor of a close is free by then.
/// - **Every operation ends once.** Its last completion says so (``Completion/isLast``). Only a success that was submitted silently
///   may stay without a completion; a failure never does, nor does a send that was cut short. Completions of ``Token/engineKind`` are
///   of the engine's own operations.
/// - **An accept stops at a quantum.** While the engine holds ``EngineFeatures/quantum`` completions, an accept takes one connection
///   more at the most, and ends with it. What ends an accept loses no connection: a last completion may carry one.
/// - **A receive takes a buffer only when bytes are there**, so an idle connection holds none. Without a buffer it ends with
///   `ENOBUFS`, when bytes are there or sooner, and the bytes stay where they are.
/// - **A cancelled operation still ends by itself**, with what it had done or with `ECANCELED`.
/// - **Nothing is lost for want of memory.** A single operation fails with `ENOMEM` or `ENOBUFS`, or a rest of what was submitted waits
///   in the engine: see ``retryTime``.
public protocol Engine: ~Copyable {
    /// What the engine can do.
    var features: EngineFeatures { get }

    /// Tells the engine's time, also to callers that do not have the engine.
    var clock: () -> Instant { get }

    /// Accepts an operation, to be carried out in the order of submission: now, or by the next ``enter(until:)``.
    ///
    /// - Parameters:
    ///   - operation: what to do. Memory it names stays where it is until the last completion, unless the operation says otherwise.
    ///   - token: comes back with each completion.
    ///   - silently: whether a success may stay without a completion.
    mutating func submit(_ operation: Operation, token: Token, silently: Bool)

    /// Submits a silent ``Operation/sendAtOnce(descriptor:bytes:)``, on an engine that sends at once (``EngineFeatures/sendsAtOnce``).
    ///
    /// - Returns: whether all bytes were taken already. Then no completion comes, and the memory is the caller's again.
    mutating func sendAtOnce(_ bytes: Operation.Bytes, to descriptor: Int32, token: Token) -> Bool

    /// Carries out everything submitted, then waits until there is a completion or `deadline` has come; `nil` waits as
    /// long as it takes. May return early with nothing. The only place where an engine waits.
    ///
    /// A kernel that is short of memory may take less than everything; the engine keeps the rest, in its order, for the next time.
    mutating func enter(until deadline: Instant?) throws(EngineError)

    /// Whether something submitted was not carried out by the last ``enter(until:)``, or was submitted since.
    var hasUnsubmitted: Bool { get }

    /// When to enter again for what a kernel that was short of memory did not take, though nothing happens; else `nil`.
    var retryTime: Instant? { get }

    /// Whether entering again without waiting would bring completions, or there are some.
    var isPending: Bool { get }

    /// Gives a host that waits elsewhere a descriptor to wait for: it polls as readable when the engine has something, or another
    /// thread has written to `event`, an event descriptor that does not block. Called once, before the engine is used.
    mutating func openDescriptor(wokenBy event: Int32) throws(EngineError) -> Int32

    /// The host is about to wait for the descriptor: it is readable at `deadline` at the latest, and is not readable now. What came
    /// before that shows in ``isPending``, which is looked at next.
    mutating func rest(until deadline: Instant?) throws(EngineError)

    /// Something has completed that the engine submitted for itself: its token is of ``Token/engineKind``.
    mutating func completedOwn(_ completion: Completion)

    /// Closes a connected socket at once; nothing is in flight on it. `close(2)`.
    mutating func close(_ descriptor: Int32)

    /// Closes several connected sockets; nothing is in flight on any of them. An engine may close consecutive descriptors by one call.
    /// `close_range(2)`.
    mutating func close(_ descriptors: Span<Int32>)

    /// A connected socket leaves the loop: nothing is in flight on it, and its descriptor is another owner's from now on.
    mutating func forget(_ descriptor: Int32)

    /// Entering has failed for good. Memory that the kernel may still write to is kept. Returns the descriptors whose closing was
    /// submitted and not carried out.
    mutating func abandon() -> [Int32]

    /// Moves completions that have arrived into `batch`, as many as fit.
    mutating func takeCompletions(into batch: inout CompletionBatch)

    /// Whether there are completions to take, without entering the kernel for them.
    var hasCompletions: Bool { get }

    /// Sees to it that operations can receive. Returns an error number, or 0.
    mutating func openReceiveBuffers() -> Int32

    /// The bytes a receive has completed with, until its buffer is returned.
    func received(_ completion: Completion) -> UnsafeRawBufferPointer?

    /// Gives a receive's buffer back. If that takes an operation and fails, it completes with ``Token/bufferReturn(_:)``: give the buffer
    /// back again, some time later.
    mutating func returnBuffer(_ number: UInt16)
}

extension Engine where Self: ~Copyable {
    /// The engine's time.
    @inlinable
    public var now: Instant { clock() }

    /// Closes one after the other.
    @inlinable
    public mutating func close(_ descriptors: Span<Int32>) {
        for index in descriptors.indices { close(descriptors[index]) }
    }

    /// Submits the operation.
    @inlinable
    @inline(__always)
    public mutating func sendAtOnce(_ bytes: Operation.Bytes, to descriptor: Int32, token: Token) -> Bool {
        submit(.sendAtOnce(descriptor: descriptor, bytes: bytes), token: token, silently: true)
        return false
    }

    /// Accepts an operation that completes in any case.
    @inlinable
    @inline(__always)
    public mutating func submit(_ operation: Operation, token: Token) {
        submit(operation, token: token, silently: false)
    }
}
