/// The state machine of one connection: what owns it, what is in flight for it, and what is done next.
///
/// The state machine is pure: it takes an event and returns an action, which the connection table carries out. Part of the connection's
/// slot; loop's thread only.
///
/// ```
///  free ── accepted ──▶ open
///  open ── dropped ──▶ closing      ── detached ──▶ detaching      ── the server has ended ──▶ outlived
///
///  closing   ── finished: clean ──▶ free      ── short ──▶ closing
///            ── the peer spoke ──▶ lingering   ── not all has left yet ──▶ draining
///  lingering, draining ── the peer has ended its side ──▶ free      draining ── the peer has everything ──▶ free
///  detaching ── everything is sent, nothing is in flight ──▶ free, and its descriptor is handed out
///
///  open, closing, lingering, draining, detaching ── reset, too late, or a send failed ──▶ resetting
///  resetting ── disconnected, and nothing is in flight ──▶ free
/// ```
package struct ConnectionState: Hashable, Sendable {
    package enum Phase: UInt8, Hashable, Sendable {
        /// The slot has no connection.
        case free
        /// A `Connection` value owns it, or the table if it is kept.
        case open
        /// Dropped. The bytes that are left are sent, then the FIN.
        case closing
        /// The peer was sent everything and the FIN, and has sent input that was not received. The server discards input until the peer
        /// ends its side: closing at once would reset the connection, and the peer might lose what it was sent.
        case lingering
        /// The kernel has everything and the FIN, and has not sent all of it yet, because the peer does not take it. The server discards
        /// input meanwhile: input after a close would reset the connection.
        case draining
        /// Detached. The descriptor is handed out as soon as all bytes are sent.
        case detaching
        /// Due to be reset and closed; or reset and closed already, with operations still in flight.
        case resetting
        /// Like `resetting`, because the server has ended while the `Connection` value still exists. The slot is never used again.
        case outlived
    }

    /// Operations in flight.
    package struct InFlight: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let send = InFlight(rawValue: 1)
        package static let receive = InFlight(rawValue: 2)
        package static let discard = InFlight(rawValue: 4)
    }

    package private(set) var phase = Phase.free
    package private(set) var inFlight: InFlight = []
    /// Nothing can be sent any more, usually because the peer is gone.
    package private(set) var isBroken = false
    /// The connection is reset and closed; operations may still be in flight.
    package private(set) var isDisconnected = false

    package init() {}

    /// An operation was submitted.
    @inline(__always)
    package mutating func begin(_ operation: InFlight) {
        assert(inFlight.isDisjoint(with: operation), "a connection has one operation of a kind in flight")
        inFlight.formUnion(operation)
    }
}

// What happens to a connection, and what is done about it.
extension ConnectionState {
    package enum Event: Hashable, Sendable {
        case accepted
        /// The owner dropped the connection.
        case dropped
        /// The owner detached the connection.
        case detached
        /// The owner reset the connection, or a limit has passed.
        case reset
        /// The server has ended, and the `Connection` value still exists.
        case serverEnded
        /// The connection's turn on the due list has come, with this much left to send.
        case due(Unsent)
        case finished(Finish)
        case disconnected
        case sent(Outcome)
        case received(Outcome)
        case discarded(Outcome)
        /// An operation that the kernel had no memory for may be retried.
        case rested
    }

    package enum Unsent: Hashable, Sendable {
        case nothing
        /// As many bytes as one send may carry, or fewer.
        case few
        case many
    }

    /// The result of an attempt to send the last bytes and the FIN.
    package enum Finish: Hashable, Sendable {
        /// Both are sent, and no input was left unread.
        case clean
        /// Both are sent, and there was unread input.
        case spoke
        /// The kernel has both, and has not sent all yet.
        case unsent
        /// The socket has not taken all bytes for now.
        case short
        /// The kernel had no memory for it.
        case refused
        /// The socket takes no more bytes.
        case failed
    }

    /// The result of an operation.
    package enum Outcome: Hashable, Sendable {
        /// The operation succeeded. For a discard: the peer goes on sending.
        case done
        /// For a discard: the peer has ended its side, or is gone.
        case ended
        /// The kernel had no memory for it.
        case refused
        /// The connection is lost.
        case failed
    }

    package enum Action: Hashable, Sendable {
        /// Nothing, or wait for what is in flight.
        case none
        /// Put the connection on the due list.
        case markDue
        /// Send `rested` after a pause.
        case retryLater
        /// Submit the owner's sends and receives.
        case serve
        /// Cancel the receive in flight, if there is one.
        case stopReceiving
        /// The same, and submit a send, if there is something to send and none in flight.
        case send
        /// Send the last bytes and the FIN.
        case finish
        /// Discard input until the peer ends its side.
        case hearOut
        /// Cancel the discard.
        case stopHearing
        /// Give the descriptor to the receiver, and free the slot.
        case handOut
        /// Reset and close the connection, whatever is in flight.
        case disconnect
        /// Close the descriptor, and free the slot.
        case close
        /// Free the slot.
        case free
        /// Stop waiting for it. The slot is never used again.
        case retire
    }

    /// The only transition function.
    @inline(__always)
    package mutating func on(_ event: Event) -> Action {
        switch (event, phase) {
        case (.accepted, .free): return become(.open, .none)
        case (.dropped, .open): return become(.closing, .markDue)
        case (.detached, .open): return become(.detaching, .markDue)
        case (.serverEnded, .open): return become(.outlived, .markDue)
        case (.reset, .open), (.reset, .closing), (.reset, .lingering), (.reset, .draining), (.reset, .detaching):
            return become(.resetting, .markDue)

        case (.due, .open): return .serve
        case (.due, .closing) where isBroken, (.due, .detaching) where isBroken:
            return become(.resetting, .disconnect)
        case (.due(.many), .closing): return .send
        case (.due, .closing): return inFlight.isEmpty ? .finish : .stopReceiving
        case (.due(.nothing), .detaching) where inFlight.isEmpty: return become(.free, .handOut)
        case (.due, .detaching): return .send
        case (.due, .draining): return inFlight.isEmpty ? become(.free, .close) : .stopHearing
        case (.due, .resetting), (.due, .outlived): return .disconnect

        case (.finished(.clean), .closing): return become(.free, .close)
        case (.finished(.spoke), .closing): return become(.lingering, .hearOut)
        case (.finished(.unsent), .closing): return become(.draining, .hearOut)
        case (.finished(.short), .closing): return .send
        case (.finished(.refused), .closing): return .retryLater
        case (.finished(.failed), .closing): return become(.resetting, .disconnect)

        case (.sent(let outcome), _): return ended(.send, outcome)
        case (.received(let outcome), _): return ended(.receive, outcome)
        case (.discarded(let outcome), .lingering), (.discarded(let outcome), .draining):
            inFlight.remove(.discard)
            switch outcome {
            case .done: return .hearOut
            case .refused: return .retryLater
            case .ended, .failed: return become(.free, .close)
            }
        case (.discarded(let outcome), _): return ended(.discard, outcome)

        case (.disconnected, .resetting), (.disconnected, .outlived):
            isDisconnected = true
            return leave()

        case (.rested, .open), (.rested, .closing), (.rested, .detaching): return .markDue
        case (.rested, .lingering), (.rested, .draining): return inFlight.isEmpty ? .hearOut : .none
        case (.rested, .free), (.rested, .resetting), (.rested, .outlived): return .none

        case (.accepted, _), (.dropped, _), (.detached, _), (.serverEnded, _), (.reset, _), (.due, _), (.finished, _),
            (.disconnected, _):
            preconditionFailure("\(event) of a connection that is \(phase)")
        }
    }

    @inline(__always)
    private mutating func become(_ phase: Phase, _ action: Action) -> Action {
        self.phase = phase
        return action
    }

    /// An operation has completed on a connection that is not heard out.
    @inline(__always)
    private mutating func ended(_ operation: InFlight, _ outcome: Outcome) -> Action {
        assert(inFlight.contains(operation), "\(operation) ends that was not in flight")
        inFlight.remove(operation)
        // A receive that fails while the connection ends is ignored: a send, or the next owner, meets the same error.
        if outcome == .failed && (operation == .send || phase == .open) { isBroken = true }
        switch phase {
        case .open, .closing, .detaching: return outcome == .refused ? .retryLater : .markDue
        case .resetting, .outlived: return leave()
        case .free, .lingering, .draining:
            preconditionFailure("the end of \(operation) on a connection that is \(phase)")
        }
    }

    /// Frees a reset connection once nothing is in flight.
    private mutating func leave() -> Action {
        guard isDisconnected && inFlight.isEmpty else { return .none }
        return phase == .outlived ? .retire : become(.free, .free)
    }
}
