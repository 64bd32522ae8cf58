internal import NBEngine

@testable internal import NBServer

/// A connection table, and beside it what is known of the connections in it without looking into it.
struct ConnectionLives: ~Copyable {
    private let counters: UnsafeMutablePointer<ServerCounters>
    private var table: ConnectionTable
    private var living: [Token] = []
    private var given: Set<Token> = []
    private var dead: [Token] = []

    init() {
        counters = .allocate(capacity: 1)
        counters.initialize(to: ServerCounters())
        let options = ServerOptions(closeTimeLimit: .zero)
        table = ConnectionTable(options: options, counters: counters) { Instant(nanoseconds: 0) }
    }

    deinit {
        counters.deallocate()
    }

    mutating func begin() {
        guard living.count < 600 else { return }
        let token = table.admit(7, .none).token(.send)
        precondition(given.insert(token).inserted, "\(token) was somebody else's")
        living.append(token)
        check(token, lives: true)
    }

    mutating func end(_ which: Int) {
        guard !living.isEmpty else { return }
        living.swapAt(which % living.count, living.count - 1)
        let token = living.removeLast()
        guard let slot = table.slot(token) else { preconditionFailure("\(token) lives and is not found") }
        _ = slot.pointee.state.on(.dropped)
        _ = slot.pointee.state.on(.finished(.clean))
        table.free(slot)
        dead.append(token)
        check(token, lives: false)
    }

    /// Any token spells three numbers, and finds the slot of these or nothing.
    func lookUp(_ token: Token) {
        let spelled = UInt64(token.kind) << 56 | UInt64(token.generation) << 32 | UInt64(token.slot)
        precondition(token.rawValue == spelled, "\(token) loses bits")
        guard let slot = table.slot(token) else { return }
        precondition(slot.token(.send) == token.with(kind: TokenKind.send.rawValue), "\(token) finds another")
    }

    mutating func endAll() {
        for token in dead { check(token, lives: false) }
        for token in living { check(token, lives: true) }
        while !living.isEmpty { end(0) }
        precondition(table.count == 0)
    }

    private func check(_ token: Token, lives: Bool) {
        lookUp(token)
        precondition((table.slot(token) != nil) == lives, "\(token) is alive: \(lives)")
    }
}
