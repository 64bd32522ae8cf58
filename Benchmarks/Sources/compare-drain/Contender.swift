import Glibc
import LoopbackClient
import Measuring

/// One of the servers compared.
final class Contender {
    let name: String
    let server: Endpoint
    private let process: ChildProcess

    /// Starts the server, and returns once it greets.
    init(_ name: String, on placement: Placement?, command: (Endpoint) -> [String]) throws {
        self.name = name
        server = try Self.unusedEndpoint()
        let command = command(server)
        process = try ChildProcess(placement?.onServerCPU(command) ?? command)
        try named { try waitUntilServing() }
    }

    /// Lets connections queue while the server is stopped, and then work them off.
    ///
    /// Returns the microseconds of CPU time that each has cost it.
    func drain(_ connections: Int) throws -> Double {
        try named {
            try process.stop()
            var clients = ClientBatch(to: server)
            try clients.open(connections)
            try AcceptQueue.expect(connections, at: server)

            let before = try CPUTime(of: process.identifier)
            try process.resume()
            try clients.waitUntilLastIsClosed()
            try clients.expectGreetings()
            let after = try cpuTimeOnceIdle()
            return try after.microseconds(since: before) / Double(connections)
        }
    }

    private func waitUntilServing() throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            try Interruption.check()
            try process.failIfEnded()
            do {
                var clients = ClientBatch(to: server)
                try clients.open(1)
                return try clients.expectGreetings()
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                usleep(20_000)
            }
        }
    }

    /// Idle means that a few looks in a row find the same figure.
    private func cpuTimeOnceIdle() throws -> CPUTime {
        let deadline = ContinuousClock.now + .seconds(5)
        var latest = try CPUTime(of: process.identifier)
        var looksUnchanged = 0
        while looksUnchanged < 5 {
            guard ContinuousClock.now < deadline else { throw Failure("still busy though every connection is closed") }
            try Interruption.check()
            usleep(2000)
            let now = try CPUTime(of: process.identifier)
            looksUnchanged = now == latest ? looksUnchanged + 1 : 0
            latest = now
        }
        return latest
    }

    private func named<Result>(_ body: () throws -> Result) throws -> Result {
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
