/// How an engine is to run.
///
/// The defaults are right for nearly every server. A value; any thread.
public struct EngineOptions: Hashable, Sendable {
    /// How many operations fit into one submission: from 1 to 32,768. The ring rounds up to a power of two, and takes no more than
    /// ``ServerOptions/quantum``.
    public var submissionDepth: Int

    /// The newest kernel whose features are used, for kernels on which a newer feature is broken; `nil` for all there are. 5.11 or
    /// newer.
    public var newestKernel: KernelVersion?

    /// Options for an engine.
    public init(submissionDepth: Int = 256, newestKernel: KernelVersion? = nil) {
        self.submissionDepth = submissionDepth
        self.newestKernel = newestKernel
    }

    /// Refuses the first option that is out of its range.
    func expectValid() throws(ServerError) {
        // The kernel's own limit (`io_uring_setup(2)`).
        try OptionRange.expect("ServerOptions.engine.submissionDepth", submissionDepth, in: 1...1 << 15)
        if let newestKernel {
            let oldest = KernelVersion(5, 11)
            try OptionRange.expect(
                newestKernel >= oldest,
                "ServerOptions.engine.newestKernel",
                newestKernel,
                "\(oldest) or newer"
            )
        }
    }
}
