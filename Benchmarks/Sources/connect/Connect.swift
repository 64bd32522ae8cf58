import ArgumentParser
import Glibc
import LoopbackClient
import Measuring

/// Opens connections to a soup server, all before reading any, and expects its greeting from each.
@main
struct Connect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Open connections to a soup server and expect its greeting, then the end, from each.",
        discussion: """
            All are open before the first is read, so they may not be more than the accept queue holds.

            Example:
              connect 127.0.0.1:7777 --connections 3000
              connect 127.0.0.1:7777 --connections 3000 --pausing 4711
            """
    )

    @Argument(help: "Where the server listens, as in 127.0.0.1:7777.", transform: parseEndpoint)
    var server: Endpoint

    @Option(help: "How many connections to open.")
    var connections = 1

    @Option(help: "The server's process, to be stopped until all connections are open.")
    var pausing: pid_t?

    func validate() throws {
        guard connections > 0 else { throw ValidationError("--connections must be at least 1") }
        if let pausing, pausing <= 1 { throw ValidationError("--pausing needs the id of one process") }
    }

    func run() throws {
        try SystemLimits.admit(connections: connections)
        var clients = ClientBatch(to: server)
        try open(&clients)
        try clients.expectGreetings()
    }

    private func open(_ clients: inout ClientBatch) throws {
        guard let pausing else { return try clients.open(connections) }
        guard kill(pausing, SIGSTOP) == 0 else { throw Failure(call: "process \(pausing)") }
        defer { kill(pausing, SIGCONT) }
        try clients.open(connections)
    }
}

private func parseEndpoint(_ text: String) throws -> Endpoint {
    guard let endpoint = Endpoint(text) else { throw ValidationError("not an address and port: '\(text)'") }
    return endpoint
}
