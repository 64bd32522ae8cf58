import Glibc

/// The descriptors of this process's rings and epoll instances, found behind their owners' backs.
enum EngineDescriptors {
    struct NotFound: Error {}

    static var all: Set<Int32> {
        Set(
            (Int32(3)..<2000).filter { descriptor in
                var name = [CChar](repeating: 0, count: 64)
                let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count)
                let link = String(decoding: name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                return link.contains("[io_uring]") || link.contains("[eventpoll]")
            }
        )
    }

    /// Gives the number of one engine to a file that is none.
    static func lose(_ descriptors: Set<Int32>) throws {
        guard let descriptor = descriptors.first, descriptors.count == 1 else { throw NotFound() }
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        dup2(file, descriptor)
        close(file)
    }
}
