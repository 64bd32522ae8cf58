import LoopbackClient
import Measuring

/// One of the servers compared.
final class Contender {
    private let process: ServerProcess

    var name: String { process.name }

    /// Starts the server, and returns once it greets.
    init(_ name: String, on placement: Placement?, command: (Endpoint) -> [String]) throws {
        process = try ServerProcess(name, on: placement, command: command) {
            var clients = ClientBatch(to: $0)
            try clients.open(1)
            try clients.expectGreetings()
        }
    }

    /// Lets connections queue while the server is stopped, and then work them off.
    ///
    /// Returns the microseconds of CPU time that each has cost it.
    func drain(_ connections: Int) throws -> Double {
        try process.named {
            try process.stop()
            var clients = ClientBatch(to: process.endpoint)
            try clients.open(connections)
            try AcceptQueue.expect(connections, at: process.endpoint)

            let before = try process.cpuTime
            try process.resume()
            try clients.waitUntilLastIsClosed()
            try clients.expectGreetings()
            let after = try process.cpuTimeOnceIdle()
            return try after.microseconds(since: before) / Double(connections)
        }
    }
}
