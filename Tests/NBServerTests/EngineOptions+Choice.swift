import GrantedLevels
import NBServer
import NBUring

extension EngineOptions {
    /// Epoll, or a ring that takes a kernel for one of its level.
    init(_ engine: EngineChoice, submissionDepth: Int = 256) {
        switch engine {
        case .ring(let level):
            let kernel = KernelVersion(level.version[0], level.version[1])
            self.init(.ring, submissionDepth: submissionDepth, newestKernel: kernel)
        case .epoll: self = .epoll
        }
    }
}
