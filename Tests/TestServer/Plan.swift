import NBServer
import NBUring

/// How a server is to be: on which level of the ring, or epoll, and on which port, and how many of its first connections it keeps.
struct Plan {
    /// `nil` for epoll.
    let level: KernelLevel?
    let port: UInt16
    let keptCount: UInt64

    /// From three words, a number each: the level, -1 for epoll, the port, and the count.
    init?(_ words: some Sequence<String>) {
        let numbers = words.compactMap { Int32($0) }
        guard numbers.count == 3, let port = UInt16(exactly: numbers[1]), let keptCount = UInt64(exactly: numbers[2])
        else { return nil }
        level = KernelLevel(rawValue: Int(numbers[0]))
        guard level != nil || numbers[0] == -1 else { return nil }
        self.port = port
        self.keptCount = keptCount
    }

    /// One for each family.
    var endpoints: [Endpoint] { [Endpoint("127.0.0.1:\(port)"), Endpoint("[::1]:\(port)")] }

    var options: ServerOptions {
        guard let level else { return ServerOptions(quantum: 64, engine: .epoll) }
        let kernel = KernelVersion(level.version[0], level.version[1])
        return ServerOptions(quantum: 64, engine: EngineOptions(.ring, submissionDepth: 64, newestKernel: kernel))
    }
}
