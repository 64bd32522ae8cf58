internal import NBServer

/// The server that is soaked: it gives every connection a serial number, and the treatment of the port it came to.
struct SoakBehavior: NonBlockingServer {
    struct Refusal: Error {}

    private let board: Board
    private let echo: Echo
    /// After how many connections it stops by itself.
    private let stopsAfter: Int?
    private var treatments: [UInt16: Treatment] = [:]
    private var held: [ConnectionID] = []
    private var callbacks = 0

    init(board: Board, echo: Echo, stopsAfter: Int?) {
        self.board = board
        self.echo = echo
        self.stopsAfter = stopsAfter
    }

    mutating func begin(_ context: borrowing ServerContext) -> Verdict {
        for (treatment, address) in zip(Treatment.allCases, context.addresses) { treatments[address.port] = treatment }
        return .continue
    }

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        guard let port = connection.localAddress?.port, let treatment = treatments[port] else {
            preconditionFailure("a connection to none of the listeners")
        }
        callbacks += 1
        let serial = Serial.next()
        board.note(context.counters)
        board.update {
            $0[treatment] += 1
            $0[.lastSerial] = serial
        }
        try treat(connection, treatment, serial, context)
        return callbacks == stopsAfter ? .stop("enough") : .continue
    }

    private mutating func treat(
        _ connection: consuming Connection,
        _ treatment: Treatment,
        _ serial: Int,
        _ context: borrowing ServerContext
    ) throws {
        switch treatment {
        case .fail: throw Refusal()
        case .reset: connection.reset()
        case .report: connection.send("serial \(serial) \(board.present.text)\n")
        case .greet: connection.send("serial \(serial)\n")
        case .wave:
            wave(context)
            connection.send("serial \(serial)\n")
        case .dismiss:
            dismiss(context)
            connection.send("serial \(serial)\n")
        case .pour:
            connection.send("serial \(serial)\n")
            connection.send(Payload.bytes)
        case .hold:
            connection.send("serial \(serial)\n")
            held.append(context.keep(connection))
            board.update { $0[.held] += 1 }
        case .echo:
            connection.send("serial \(serial)\n")
            let handover = Handover(board)
            connection.detach { [echo] connection in
                guard case .success(let connection) = connection, let taken = connection.take() else { return }
                handover.complete()
                echo.adopt(taken.descriptor)
            }
        }
    }

    private func wave(_ context: borrowing ServerContext) {
        for id in held { try? context.withConnection(id) { $0.send("still here\n") } }
    }

    private mutating func dismiss(_ context: borrowing ServerContext) {
        var gone = 0
        for id in held {
            do { try context.take(id).close() } catch { gone += 1 }
        }
        held.removeAll(keepingCapacity: true)
        board.update {
            $0[.held] = 0
            $0[.gone] += gone
        }
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        board.note(context.counters)
        switch info {
        case .timeout, .timer, .signal, .connectionFailed, .workerEnded, .connectionLost, .listenerRemoved, .draining,
            .listenerAtLimit, .listenerBelowLimit:
            break
        case .listenerParked:
            board.update { $0[.parks] += 1 }
            if board.yieldsWhenParked.load(ordering: .relaxed) { dismiss(context) }
        case .listenerRecovered: board.update { $0[.recoveries] += 1 }
        case .listenerDown: board.update { $0[.downs] += 1 }
        case .listenerShedding: board.update { $0[.sheddings] += 1 }
        }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        board.note(context.counters)
    }
}
