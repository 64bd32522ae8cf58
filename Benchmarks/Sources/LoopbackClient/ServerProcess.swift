import Glibc
import Measuring

/// A server under measurement: a program of its own that listens on a port of its own.
package final class ServerProcess {
    package let name: String
    package let endpoint: Endpoint
    private let process: ChildProcess

    /// Starts the server, and returns once `probe` succeeds.
    package init(
        _ name: String,
        on placement: Placement?,
        command: (Endpoint) -> [String],
        probe: (Endpoint) throws -> Void
    ) throws {
        self.name = name
        endpoint = try Self.unusedEndpoint()
        let command = command(endpoint)
        process = try ChildProcess(placement?.onServerCPU(command) ?? command)
        try named { try waitUntilServing(probe) }
    }

    package var identifier: pid_t { process.identifier }

    /// How many bytes of memory are its own.
    package var memory: Int {
        get throws {
            let path = "/proc/\(identifier)/status"
            let line = try textOfFile(path).split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
            guard let kibibytes = line.flatMap({ Int($0.filter(\.isNumber)) }) else {
                throw Failure("\(path): not understood")
            }
            return kibibytes << 10
        }
    }

    package func stop() throws { try process.stop() }

    package func resume() throws { try process.resume() }

    private func waitUntilServing(_ probe: (Endpoint) throws -> Void) throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            try Interruption.check()
            try process.failIfEnded()
            do {
                return try probe(endpoint)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                usleep(20_000)
            }
        }
    }

    /// The time it has spent on a CPU once it has nothing more to do.
    package func cpuTimeOnceIdle() throws -> CPUTime {
        guard let time = try CPUTime.onceIdle([identifier], within: .seconds(5)) else {
            throw Failure("still busy though there is nothing to do")
        }
        return time
    }

    /// Adds the server's name, and what it printed, to a failure.
    package func named<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            try Interruption.check()
            return try body()
        } catch let failure as Failure {
            throw Failure("\(name): \(failure)\n\(process.printed)")
        }
    }

    private static func unusedEndpoint() throws -> Endpoint {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 ? getsockname(socket, address, &length) : -1
            }
        }
        guard result == 0, let endpoint = Endpoint("127.0.0.1:\(UInt16(bigEndian: address.sin_port))") else {
            throw Failure(call: "looking for an unused port")
        }
        return endpoint
    }
}
