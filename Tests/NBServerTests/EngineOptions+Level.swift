import NBServer
import NBUring

extension EngineOptions {
    /// A ring that takes a kernel for one of this level.
    init(_ level: KernelLevel, submissionDepth: Int = 256) {
        let kernel = KernelVersion(level.version[0], level.version[1])
        self.init(.ring, submissionDepth: submissionDepth, newestKernel: kernel)
    }
}
