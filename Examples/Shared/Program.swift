// What is around the server of an example: its arguments, what it says, and how it ends. Written once, so that each example shows its
// server and nothing else.

public import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

/// An example as a program: it listens where it is told, or at an address of its own, until Ctrl-C or SIGTERM.
public struct Program {
    private let name: String
    private let address: String
    private let purpose: String

    /// - Parameters:
    ///   - name: as it is typed.
    ///   - address: where it listens unless it is told.
    ///   - purpose: what to do with it, for `--help`.
    public init(_ name: String, listening address: String, purpose: String) {
        self.name = name
        self.address = address
        self.purpose = purpose
    }

    /// Serves, and ends the process: with 0 after a signal, with 1 and the reason if it cannot serve.
    ///
    /// SIGTERM drains: clients that wait are served, and connections have ten seconds to end. Ctrl-C stops.
    public func run<Behavior>(_ make: ([Endpoint], any ServerObserver) throws -> Server<Behavior>) -> Never {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["--help"] { exit(puts(usage) == EOF ? 1 : 0) }
        // Without this, a reader of the standard output that leaves would end the server.
        signal(SIGPIPE, SIG_IGN)
        do {
            let addresses = arguments.isEmpty ? [address] : Array(arguments)
            let server = try make(addresses.map { Endpoint($0) }, Announcer(name: name))
            try server.run(drainingOn: [.terminate], within: .seconds(10), stoppingOn: [.interrupt])
        } catch {
            fputs("\(name): \(error)\n", stderr)
            exit(1)
        }
        exit(0)
    }

    private var usage: String {
        """
        usage: \(name) [ADDRESS …]

          \(name)                          listen on \(address)
          \(name) 127.0.0.1:0 [::1]:0      listen on ports that are free

        \(purpose)
        """
    }
}

/// A line as a text.
public func text(of line: Span<UInt8>) -> String {
    line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
}

/// Says where a server listens, and on what it runs where that is not a ring.
private struct Announcer: ServerObserver {
    let name: String

    func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        for case .began(let addresses, let engine) in events {
            for address in addresses { print("listening on \(address)") }
            fflush(stdout)
            if engine.kind != .ring { fputs("\(name): running on \(engine)\n", stderr) }
        }
    }
}
