import Glibc
import NBServer
import NBUring
import Synchronization

/// Greets everybody, keeps the first ones, and says on standard output what becomes of its server.
///
/// Owned by its server; used by the server's thread.
struct Greeter: NonBlockingServer {
    enum Call { case counted(Caller<Int>) }

    enum Cast {
        case count
        /// Waits until whoever holds the lock has let go of it.
        case wait(for: Lock)
    }

    /// What a sender holds.
    final class Lock: Sendable {
        let mutex = Mutex<Void>(())
    }

    static let greeting = "No soup for you!\n"

    private let keptCount: UInt64
    private let children: Children
    private var kept: [ConnectionID] = []
    private var counted = 0

    init(keeping keptCount: UInt64, _ children: Children) {
        self.keptCount = keptCount
        self.children = children
    }

    /// One option of most kinds: a number, a switch, a time, a structure.
    static let socketOptions: [SocketOption] = [
        .backlog(4096), .noDelay(true), .keepAlive(idle: .seconds(60), interval: .seconds(10), probes: 3),
        .linger(.seconds(1)), .userTimeout(.seconds(20)),
    ]

    func begin(_ context: borrowing ServerContext) -> Verdict {
        let addresses = context.addresses.map(\.description).joined(separator: " ")
        let engine = context.engine
        let accepts = engine.acceptsMultishot ? "multishot" : "one-shot"
        let descriptor = engine.description.contains("registered descriptor") ? "registered" : "unregistered"
        // Epoll is none of the ring's levels.
        let level =
            engine.kind == .ring ? KernelLevel.allCases.first { $0.description == engine.kernel.description } : nil
        print("listening \(addresses) \(level?.rawValue ?? -1) \(accepts) \(descriptor)")
        return .continue
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send(Greeter.greeting)
        children.makeAwaited()
        if context.counters.delivered <= keptCount { kept.append(context.keep(connection)) }
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .counted(let caller): caller.reply(counted)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .count: counted += 1
        case .wait(let lock): lock.mutex.withLock { _ in }
        }
        return .continue
    }

    /// Whoever is kept hears that the server still serves.
    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        switch info {
        case .listenerParked(let address, let cause):
            for id in kept { try? context.withConnection(id) { $0.send("full\n") } }
            print("parked \(address) \(cause.errno ?? 0)")
        case .listenerShedding(let address, _): print("shedding \(address)")
        case .listenerRecovered(let address): print("recovered \(address)")
        case .listenerDown(let address, _): print("down \(address)")
        case .connectionFailed(_, let error): print("connection failed \(error)")
        default: break
        }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        let counters = context.counters
        print("ended \(counters.accepted) \(counters.delivered) \(counters.acceptFailures) \(reason)")
    }
}
