// What is around the servers of these programs: where they listen, and how they say so.

@preconcurrency import Glibc
public import NBServer

/// Where the program listens. Ends the program if it is asked for its usage, or wants more arguments.
///
/// - Parameters:
///   - port: the port without an argument.
///   - others: what the program is given besides, for its usage.
/// - Returns: the address that the program was given, or `127.0.0.1:` and the port. The text is not checked here.
public func listeningAddress(port: Int, and others: [String] = []) -> Endpoint {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.first != "--help", others.isEmpty || arguments.count == 1 + others.count else {
        let name = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        let usage = "usage: \(name) \((others.isEmpty ? ["[ADDRESS]"] : ["ADDRESS"] + others).joined(separator: " "))"
        if arguments.first == "--help" {
            print(usage)
            exit(0)
        }
        fputs("\(usage)\n", stderr)
        exit(2)
    }
    // Without this, a reader of the standard output that leaves would end the program.
    signal(SIGPIPE, SIG_IGN)
    return Endpoint(arguments.first ?? "127.0.0.1:\(port)")
}

/// Says where something listens, at once, to a file or a pipe too.
public func announce(_ what: String, _ addresses: [SocketAddress]) {
    for address in addresses { print("\(what) on \(address)") }
    fflush(stdout)
}

/// What each of these programs has to say, to clients that speak HTTP.
public let soupResponse = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nNo soup for you!\n"

/// Answers each client's first line, whatever it asks for.
public struct SoupWorker: ConnectionWorker {
    /// Lines, from clients that say something within half a minute.
    public static let options = WorkerOptions(framing: .line, idleTimeLimit: .seconds(30))

    /// One of many.
    public init() {}

    /// Answers, and closes.
    public func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.send(soupResponse)
        connection.close()
    }

    /// The server drains: a client that has connected is answered all the same.
    public func shouldFinish(_ connection: borrowing WorkerConnection<Self>) {}
}
