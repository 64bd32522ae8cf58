/// How a ring is to be made. The kernel refuses a depth that is out of its range, with `EINVAL`.
public struct RingOptions: Hashable, Sendable {
    /// How many operations fit into one submission, from 1 to 32,768; the kernel rounds up to a power of two. Never more
    /// than ``completionDepth``: a smaller completion queue also makes the submission queue smaller.
    public var submissionDepth: Int

    /// How many completions the ring holds, from 1 to 65,536; the kernel rounds up to a power of two. A multishot accept ends
    /// when the queue is full, so this also bounds how many connections are accepted ahead of their being looked at.
    public var completionDepth: Int

    /// The highest level to try. The ring takes this one or, on a kernel that has not got it, the
    /// next lower one that works.
    public var highestLevel: KernelLevel

    /// Options for a ring.
    public init(submissionDepth: Int = 256, completionDepth: Int = 256, highestLevel: KernelLevel = .linux6_1) {
        self.submissionDepth = submissionDepth
        self.completionDepth = completionDepth
        self.highestLevel = highestLevel
    }
}
