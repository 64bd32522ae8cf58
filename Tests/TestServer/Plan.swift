import NBServer
import NBUring

/// How a server is to be: on which level and port, and how many of its first connections it keeps.
struct Plan {
    let level: KernelLevel
    let port: UInt16
    let keptCount: UInt64

    /// From three words, a number each.
    init?(_ words: some Sequence<String>) {
        let numbers = words.compactMap { UInt16($0) }
        guard numbers.count == 3, let level = KernelLevel(rawValue: Int(numbers[0])) else { return nil }
        self.level = level
        port = numbers[1]
        keptCount = UInt64(numbers[2])
    }

    /// One for each family.
    var endpoints: [Endpoint] { [Endpoint("127.0.0.1:\(port)"), Endpoint("[::1]:\(port)")] }

    var options: ServerOptions {
        let kernel = KernelVersion(level.version[0], level.version[1])
        return ServerOptions(quantum: 64, engine: EngineOptions(.ring, submissionDepth: 64, newestKernel: kernel))
    }
}
