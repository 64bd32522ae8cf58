package import NBUring

/// What the loop runs on: something that takes operations, waits, and gives completions back.
///
/// In production it is a ring (``RingEngine``); tests bring engines that follow a script. The loop, its policies and its
/// state machines are the same on all of them. Owned by the loop; used by the loop's thread only.
package protocol Engine: ~Copyable {
    /// What the engine can do.
    var features: RingFeatures { get }

    /// Tells the engine's time, also to those who do not have the engine.
    var clock: () -> Instant { get }

    /// Accepts an operation, to be carried out by the next ``enter(until:)``, in the order of submission.
    ///
    /// With `silently` a success may complete without a completion; a failure never does.
    mutating func submit(_ operation: Operation, token: Token, silently: Bool)

    /// Carries out everything submitted, then waits until there is a completion or `deadline` has come; `nil` waits as
    /// long as it takes. May return early with nothing. The only place where an engine waits.
    ///
    /// A kernel that is short of memory may take less than everything; the engine keeps the rest, in its order, for the next time.
    mutating func enter(until deadline: Instant?) throws(RingError)

    /// Whether something submitted was not carried out by the last ``enter(until:)``, or was submitted since.
    var hasUnsubmitted: Bool { get }

    /// When to enter again for what a kernel that was short of memory did not take, though nothing happens; else `nil`.
    var retryTime: Instant? { get }

    /// Whether entering again without waiting would bring completions, or there are some.
    var isPending: Bool { get }

    /// Gives a host that waits elsewhere a descriptor to wait for: it polls as readable when the engine has something, or another
    /// thread has written to `event`, an event descriptor that does not block. Called once, before the engine is used.
    mutating func openDescriptor(wokenBy event: Int32) throws(RingError) -> Int32

    /// The host is about to wait for the descriptor: it is readable at `deadline` at the latest, and is not readable now. What came
    /// before that shows in ``isPending``, which is looked at next.
    mutating func rest(until deadline: Instant?) throws(RingError)

    /// Entering has failed for good. Memory that the kernel may still write to is kept. Returns the descriptors whose closing was
    /// submitted and not carried out.
    mutating func abandon() -> [Int32]

    /// Moves completions that have arrived into `batch`, as many as fit.
    mutating func takeCompletions(into batch: inout CompletionBatch)

    /// Whether there are completions to take, without entering the kernel for them.
    var hasCompletions: Bool { get }

    /// Sees to it that operations can receive; `false` if there is no memory for that.
    mutating func openReceiveBuffers() -> Bool

    /// The bytes a receive has completed with, until its buffer is returned.
    func received(_ completion: Completion) -> UnsafeRawBufferPointer?

    /// Gives a receive's buffer back.
    mutating func returnBuffer(_ number: UInt16)

    /// Ends the output of a connected socket after what was sent: the peer reads the end of the stream. At once, without
    /// blocking.
    mutating func finishOutput(of descriptor: Int32)

    /// Sets a descriptor aside for hard times, if none is; returns whether one is now. At once, without blocking.
    mutating func takeReserve() -> Bool

    /// Gives up the descriptor set aside, so that an accept can have it; returns whether there was one. At once, without
    /// blocking.
    mutating func giveReserve() -> Bool

    /// How many connections wait in a listening socket's accept queue. At once, without blocking.
    func queueLength(of listener: Int32) -> Int

    /// What the kernel knows of a connected socket's peer, ahead of completions. At once, without blocking.
    func peerState(of descriptor: Int32) -> PeerState

    /// Whether a connected socket is TCP with nothing on top. At once, without blocking.
    func isPlainTCP(_ descriptor: Int32) -> Bool

    /// Sees to it that closing a socket does not wait for its peer. At once, without blocking.
    mutating func forgetLinger(of descriptor: Int32)
}

extension Engine where Self: ~Copyable {
    /// The engine's time.
    package var now: Instant { clock() }

    package mutating func submit(_ operation: Operation, token: Token) {
        submit(operation, token: token, silently: false)
    }
}
