/// Which engine a server runs on: ``automatic``, ``ring`` or ``epoll``. The defaults are right for nearly every server.
public struct EngineOptions: Hashable, Sendable {
    /// A choice of engine.
    public enum Choice: Hashable, Sendable {
        /// The ring if there is one on which workers receive (Linux 5.18), else epoll. `NB_SERVER_ENGINE=ring` or `=epoll` in the
        /// environment decides, for operators who cannot change the program; ``EngineReport/reasons`` says so.
        case automatic
        /// io_uring, or an error. `io_uring(7)`, Linux 5.11.
        case ring
        /// epoll and direct system calls. `epoll(7)`, Linux 4.1.
        case epoll
    }

    /// The choice of engine.
    public var choice: Choice

    /// How many operations one submission of the ring holds: from 1 to 32,768. The ring rounds up to a power of two, and takes no more than
    /// ``ServerOptions/quantum``.
    public var submissionDepth: Int

    /// The newest kernel whose io_uring features are used, for kernels on which a newer feature is broken: 5.11 or newer, or `nil` for all
    /// features.
    public var newestKernel: KernelVersion?

    /// Options with these values; see the properties.
    public init(_ choice: Choice = .automatic, submissionDepth: Int = 256, newestKernel: KernelVersion? = nil) {
        self.choice = choice
        self.submissionDepth = submissionDepth
        self.newestKernel = newestKernel
    }

    /// The ring where there is one on which workers receive, else epoll.
    public static var automatic: EngineOptions { EngineOptions(.automatic) }
    /// io_uring, or an error.
    public static var ring: EngineOptions { EngineOptions(.ring) }
    /// epoll and direct system calls.
    public static var epoll: EngineOptions { EngineOptions(.epoll) }

    /// Refuses the first option that is out of its range.
    func expectValid() throws(ServerError) {
        // The kernel's own limit (`io_uring_setup(2)`).
        try OptionRange.expect("ServerOptions.engine.submissionDepth", submissionDepth, in: 1...1 << 15)
        guard let newestKernel else { return }
        let oldest = KernelVersion(5, 11)
        let isKnown = newestKernel >= oldest
        try OptionRange.expect(isKnown, "ServerOptions.engine.newestKernel", newestKernel, "\(oldest) or newer")
    }
}
