// What is around the server of an example: its arguments, what it says, and how it ends. Written once, so that each example shows its
// server and nothing else.

public import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

/// An example as a program: it listens where it is told, or at an address of its own, until Ctrl-C or SIGTERM.
public struct Program: Sendable {
    /// An argument with a value, besides the addresses.
    public struct Option: Sendable {
        let name: String
        let value: String
        let purpose: String

        /// - Parameters:
        ///   - name: as it is typed, with its dashes.
        ///   - value: what its value is, for `--help`.
        ///   - purpose: what it does, for `--help`.
        public init(_ name: String, _ value: String, _ purpose: String) {
            self.name = name
            self.value = value
            self.purpose = purpose
        }
    }

    private let name: String
    private let address: String
    private let options: [Option]
    private let purpose: String
    fileprivate let hint: String?
    private let arguments: [String]

    /// - Parameters:
    ///   - name: as it is typed.
    ///   - address: where it listens unless it is told.
    ///   - options: what else it is told.
    ///   - purpose: what to do with it, for `--help`.
    ///   - hint: what it says when it listens.
    public init(
        _ name: String,
        listening address: String,
        options: [Option] = [],
        purpose: String,
        hint: String? = nil
    ) {
        self.name = name
        self.address = address
        self.options = options
        self.purpose = purpose
        self.hint = hint
        arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") { exit(puts(usage) == EOF ? 1 : 0) }
        // By default SIGPIPE kills a process whose output is not read any more, and SIGTTIN stops one in the background that reads from its
        // terminal. A server goes on.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGTTIN, SIG_IGN)
        // Each line at once, to a file or a pipe too.
        setvbuf(stdout, nil, Int32(_IOLBF), 0)
    }

    /// Serves, and ends the process: with 0 after a signal, with 1 and the reason if it cannot serve, with 2 for an argument that it does not
    /// know.
    ///
    /// SIGTERM drains: clients that wait are served, and connections have ten seconds to end. Ctrl-C stops.
    ///
    /// - Parameter make: makes the server, of where it is to listen and of what says so.
    public func run<Behavior>(_ make: ([Endpoint], any ServerObserver) throws -> Server<Behavior>) -> Never {
        end {
            let server = try make(addresses(), Announcer(program: self))
            try server.run(drainingOn: [.terminate], within: .seconds(10), stoppingOn: [.interrupt])
        }
    }

    /// The same with a server on every core.
    public func runGroup<Behavior>(_ make: ([Endpoint], any ServerObserver) throws -> ServerGroup<Behavior>) -> Never {
        end {
            let group = try make(addresses(), Announcer(program: self))
            try group.run(drainingOn: [.terminate], within: .seconds(10), stoppingOn: [.interrupt])
        }
    }

    /// The same for an example that takes its connections in tasks.
    public func run(_ serve: nonisolated(nonsending) (Arrivals) async throws -> Void) async -> Never {
        do {
            try await withListener(
                try addresses(),
                observer: Announcer(program: self),
                drainingOn: [.terminate],
                within: .seconds(10),
                stoppingOn: [.interrupt],
                serve
            )
        } catch {
            end(with: error)
        }
        exit(0)
    }

    /// Tells the operator something, apart from what the program prints.
    public func note(_ text: String) {
        fputs("\(name): \(text)\n", stderr)
    }

    /// The value of an option, if it was given.
    public func value(of option: String) throws -> String? {
        guard let index = arguments.lastIndex(of: option) else { return nil }
        guard index + 1 < arguments.count else { throw Complaint("\(option) wants a value; see --help") }
        return arguments[index + 1]
    }

    /// The value of an option that is a number from 1 to a million, if it was given.
    public func number(of option: String) throws -> Int? {
        guard let text = try value(of: option) else { return nil }
        guard let number = Int(text), (1...1_000_000).contains(number) else {
            throw Complaint("\(option) wants a number from 1 to 1000000, not \(text)")
        }
        return number
    }

    private func addresses() throws -> [Endpoint] {
        var addresses: [Endpoint] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if options.contains(where: { $0.name == argument }) {
                _ = rest.popFirst()
            } else if argument.hasPrefix("-") {
                throw Complaint("\(argument) is no option; see --help")
            } else {
                addresses.append(Endpoint(argument))
            }
        }
        return addresses.isEmpty ? [Endpoint(address)] : addresses
    }

    private func end(after body: () throws -> Void) -> Never {
        do {
            try body()
        } catch {
            end(with: error)
        }
        exit(0)
    }

    private func end(with error: any Error) -> Never {
        note("\(error)")
        exit(error is Complaint ? 2 : 1)
    }

    private var usage: String {
        let names = options.map { " [\($0.name) \($0.value)]" }.joined()
        let rows =
            [(name, "listen on \(address)"), ("\(name) 127.0.0.1:0 [::1]:0", "listen on ports that are free")]
            + options.map { ("\(name) \($0.name) \($0.value)", $0.purpose) }
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { "  " + $0.0 + String(repeating: " ", count: width - $0.0.count + 4) + $0.1 }
        return """
            usage: \(name)\(names) [ADDRESS …]

            \(lines.joined(separator: "\n"))

            \(purpose)
            """
    }
}

/// What is wrong with what a program was told.
public struct Complaint: Error, CustomStringConvertible {
    /// The cause and the cure.
    public let description: String

    /// A complaint in these words.
    public init(_ description: String) {
        self.description = description
    }
}

/// Says where a server listens, and on what it runs where that is not a ring.
private struct Announcer: ServerObserver {
    let program: Program

    func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        for case .began(let addresses, let engine) in events {
            for address in addresses { print("listening on \(address)") }
            if let hint = program.hint { print(hint) }
            if engine.kind != .ring { program.note("running on \(engine)") }
        }
    }
}
