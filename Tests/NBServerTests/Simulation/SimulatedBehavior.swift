@testable import NBServer
@testable import Uring

/// A behavior that does anything a behavior may, by chance.
struct SimulatedBehavior: NonBlockingServer {
    let history: SimulatedHistory

    private var kernel: SimulatedKernel { history.kernel }

    init(history: SimulatedHistory) {
        self.history = history
    }

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        if kernel.random.chance(5) { throw SimulatedHistory.Refusal() }
        return .continue
    }

    func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) throws -> Verdict {
        let number = history.deliveries.count
        let descriptor = connection.slot.pointee.descriptor
        noteCallback("newConnection \(number): \(descriptor)")
        guard let socket = kernel.socket(descriptor, "delivery") else { return .continue }
        if socket.isDelivered { history.violate("\(descriptor) delivered twice") }
        socket.isDelivered = true
        if history.options.exhaustion == .shed && !kernel.hasReserve {
            history.violate("\(descriptor) delivered without a reserve for the next")
        }
        history.deliveries.append(SimulatedHistory.Delivery(socket: socket))
        for _ in 0..<kernel.random.below(3) { send(number, on: connection) }
        useAnother(context)
        let choice = kernel.random.below(10)
        kernel.note(
            "   \(number): \(["close", "close", "close", "close", "keep", "keep", "release", "reset", "hold", "throw"][choice])"
        )
        switch choice {
        case 0...3: connection.close()
        case 4, 5: history.kept.append((context.keep(connection), number))
        case 6: connection.release { [kernel] in kernel.handOut($0) }
        case 7: connection.reset()
        case 8: history.held.append(SimulatedHistory.Held(connection, number: number))
        default: throw SimulatedHistory.Refusal()
        }
        return kernel.random.chance(5) ? stop() : .continue
    }

    func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict {
        noteCallback("handleInfo: \(info)")
        switch info {
        case .timeout, .timer, .signal, .connectionFailed, .connectionLost, .listenerRemoved, .draining: break
        case .listenerParked(let address, _):
            note(address, isTroubled: true)
        case .listenerShedding(let address, _): note(address, isTroubled: true)
        case .listenerRecovered(let address): note(address, isTroubled: false)
        case .listenerDown(let address, _):
            if let index = index(address) { kernel.listeners[index].isDown = true }
            if kernel.listeners.allSatisfy(\.isDown) { kernel.noteStop() }
        }
        if kernel.random.chance(5) {
            kernel.noteStop()
            throw SimulatedHistory.Refusal()
        }
        return kernel.random.chance(5) ? stop() : .continue
    }

    consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        noteCallback("terminate")
        history.ends += 1
        for listener in kernel.listeners where !listener.isClosed {
            history.violate("\(listener.descriptor) is open while the behavior terminates")
        }
        // What is held beyond the end is held against the rules.
        if kernel.random.chance(700) { history.held = [] }
    }

    private func noteCallback(_ name: @autoclosure () -> String) {
        kernel.note("callback: \(name())")
        if history.ends > 0 { history.violate("a callback after terminate") }
    }

    private func index(_ address: SocketAddress) -> Int? {
        kernel.listeners.firstIndex { $0.address == address }
    }

    private func note(_ address: SocketAddress, isTroubled: Bool) {
        guard let index = index(address) else { return }
        if kernel.listeners[index].isTroubled == isTroubled { history.violate("\(address) said twice: \(isTroubled)") }
        kernel.listeners[index].isTroubled = isTroubled
    }

    private func stop() -> Verdict {
        kernel.noteStop()
        return .stop
    }
}

// What it does with connections.
extension SimulatedBehavior {
    private func send(_ number: Int, on connection: borrowing Connection) {
        let length = kernel.random.chance(900) ? kernel.random.below(40) : kernel.random.below(3000)
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        kernel.note("   \(number): send \(length) bytes")
        history.deliveries[number].sent += bytes
        connection.send(bytes)
    }

    /// Does something to a connection of earlier.
    private func useAnother(_ context: borrowing ServerContext) {
        if kernel.random.chance(300), !history.kept.isEmpty {
            useKept(kernel.random.below(history.kept.count), context)
        }
        if kernel.random.chance(200), !history.held.isEmpty {
            let choice = kernel.random.below(history.held.count)
            if let connection = history.held.remove(at: choice).take() { end(connection) }
        }
    }

    private func useKept(_ choice: Int, _ context: borrowing ServerContext) {
        let (id, number) = history.kept[choice]
        if kernel.random.chance(500) {
            try? context.withConnection(id) { send(number, on: $0) }
        } else {
            history.kept.remove(at: choice)
            if let connection = try? context.take(id) { end(connection) }
        }
    }

    private func end(_ connection: consuming Connection) {
        switch kernel.random.below(3) {
        case 0: connection.close()
        case 1: connection.reset()
        default: connection.release { [kernel] in kernel.handOut($0) }
        }
    }
}
