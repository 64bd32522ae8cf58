@preconcurrency internal import Glibc
internal import Measuring
internal import NBServer
internal import Synchronization

/// The child process: it runs servers and does what the soak tells it, a command a line on standard input, an answer a
/// line on standard output. It ends with its input, so it never outlives the soak.
///
/// ```
/// bind NAME MILLISECONDS DEPTH STOPSAFTER   makes a server; clients can connect.           answers its ports
/// run NAME                                  lets it run
/// look NAME                                 what it has counted up to its last callback.   answers Counts
/// yield NAME 0|1                            whether it closes what it holds when it parks
/// stop NAME                                 stops it, or waits for the end it has come to. answers Counts
/// echo                                      answers how many were echoed, and abandoned
/// hog COUNT                                 takes all descriptors but so many.             answers how many
/// unhog                                     lets them go
/// ```
struct ServerRole {
    /// What the process may have: all that is held, and whatever else is open at once.
    static let descriptorLimit = 8_192

    private struct Hosted {
        let server: Server<SoakBehavior>
        let board: Board
    }

    private let echo: Echo
    private var hosted: [String: Hosted] = [:]
    private var hog = Hog()

    init() throws {
        try Descriptors.limit(to: Self.descriptorLimit)
        let echo = try Echo()
        self.echo = echo
        _ = try Worker { echo.run() }
    }

    mutating func run() {
        while let line = readLine() {
            let words = line.split(separator: " ")
            do {
                answer("ok " + (try apply(String(words.first ?? ""), words.dropFirst().map(String.init))))
            } catch {
                answer("error \(line): \(error)")
            }
        }
    }

    private mutating func apply(_ command: String, _ arguments: [String]) throws -> String {
        let numbers = arguments.map { Int($0) ?? 0 }
        switch (command, arguments.count) {
        case ("bind", 5): return try bind(arguments[0], numbers[1], numbers[2], numbers[3], sheds: numbers[4] == 1)
        case ("run", 1): try find(arguments[0]).server.startBlocking()
        case ("look", 1): return try find(arguments[0]).board.present.text
        case ("yield", 2): try find(arguments[0]).board.yieldsWhenParked.store(numbers[1] == 1, ordering: .relaxed)
        case ("stop", 1): return try stop(arguments[0])
        case ("echo", 0):
            return "\(echo.echoed.load(ordering: .relaxed)) \(echo.abandoned.load(ordering: .relaxed))"
        case ("hog", 1): return "\(hog.takeAll(but: numbers[0]))"
        case ("unhog", 0): hog.release()
        default: throw Failure("no such command")
        }
        return ""
    }

    private func find(_ name: String) throws -> Hosted {
        guard let hosted = hosted[name] else { throw Failure("no such server") }
        return hosted
    }

    private mutating func bind(
        _ name: String,
        _ limit: Int,
        _ depth: Int,
        _ stopsAfter: Int,
        sheds: Bool
    ) throws -> String {
        let board = Board()
        let server = try Server(
            SoakBehavior(board: board, echo: echo, stopsAfter: stopsAfter > 0 ? stopsAfter : nil),
            listening: Treatment.allCases.map { _ in "127.0.0.1:0" },
            options: ServerOptions(
                closeTimeLimit: .milliseconds(limit),
                // Fixed buffers: how much of the payload fits into them must not depend on the machine.
                socketOptions: [.sendBuffer(Payload.sendBuffer)],
                whenExhausted: sheds ? .shed : .park,
                quantum: depth
            )
        )
        hosted[name] = Hosted(server: server, board: board)
        return server.addresses.map { "\($0.port)" }.joined(separator: " ")
    }

    private mutating func stop(_ name: String) throws -> String {
        let ended = try find(name)
        ended.server.stopBlocking()
        hosted[name] = nil
        return ended.board.present.text
    }

    private func answer(_ line: String) {
        print(line)
        fflush(stdout)
    }
}
