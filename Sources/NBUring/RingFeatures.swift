/// What a ring has in use, and why it has no more.
public struct RingFeatures: Hashable, Sendable, CustomStringConvertible {
    /// The level of io_uring that the ring stands on.
    public internal(set) var level: KernelLevel

    /// How many operations fit into one submission.
    public internal(set) var submissionDepth: Int

    /// How many completions the queue holds.
    public internal(set) var completionDepth: Int

    /// Whether one accept operation takes connection after connection (Linux 5.19).
    public internal(set) var acceptsMultishot = false

    /// Whether receives that wait hold no buffer (Linux 5.18). Where they do, nothing is received, and
    /// ``Ring/openReceiveBuffers(count:size:)`` throws: connections that have nothing to say would soon hold all buffers.
    public internal(set) var receives = true

    /// Whether one receive operation completes whenever bytes arrive (Linux 6.0).
    public internal(set) var receivesMultishot = false

    /// Whether receive buffers are given to the kernel in shared memory (Linux 5.19); else each by an operation.
    public internal(set) var sharesBuffers = false

    /// Whether operations can be asked to complete only if they fail (Linux 5.17).
    public internal(set) var completesSilently = false

    /// Whether the ring's own descriptor is registered, which makes entering the kernel cheaper (Linux 5.18).
    public internal(set) var registersDescriptor = false

    /// Whether a wait is not counted as waiting for I/O (Linux 6.15). Where it is, the processors of an idle ring show as `iowait`,
    /// and its control group as under I/O pressure.
    public internal(set) var waitsOutsideIOWait = false

    /// Why the ring has less than it could have, a sentence each; empty when it has everything.
    public internal(set) var reasons: [String] = []

    /// What the ring has in use, a few words each.
    public var details: [String] {
        var parts = ["submissions \(submissionDepth)", "completions \(completionDepth)"]
        parts.append(acceptsMultishot ? "multishot accept" : "one-shot accept")
        parts.append(!receives ? "no receive" : receivesMultishot ? "multishot receive" : "one-shot receive")
        if sharesBuffers { parts.append("shared buffers") }
        if completesSilently { parts.append("silent successes") }
        if registersDescriptor { parts.append("registered descriptor") }
        if waitsOutsideIOWait { parts.append("waits outside iowait") }
        return parts
    }

    /// The report in one line.
    public var description: String {
        (["\(level)"] + details + reasons).joined(separator: ", ")
    }
}
