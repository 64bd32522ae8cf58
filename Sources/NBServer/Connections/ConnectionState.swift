/// The state machine of one connection: what owns it, what the kernel owes it, and what is done about it next.
///
/// Pure: it takes an event and says what to do, without doing it. Part of the connection's slot; loop's thread only.
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
        /// Dropped: what is left is sent, and then the end of the stream.
        case closing
        /// The peer spoke, and the server has not received that. The peer was sent everything and the end of the stream, and is heard out
        /// until it ends its own side: closing at once would reset the connection, and the peer might lose what it was sent.
        case lingering
        /// The kernel has everything and the end of the stream, and has not sent all of it yet, since the peer does not take it. What
        /// the peer says is thrown away meanwhile: after a close it would reset the connection.
        case draining
        /// Given away, as soon as its bytes are sent.
        case detaching
        /// To be reset and closed, or already so while the kernel still owes completions.
        case resetting
        /// The same because the server has ended, while its `Connection` value still exists. Its slot is never used again.
        case outlived
    }

    /// What the kernel has, and owes a completion for.
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
    /// Nothing can be sent any more: usually the peer is gone.
    package private(set) var isBroken = false
    /// It is reset and closed, as far as the server goes.
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
        /// Its owner is gone.
        case dropped
        /// Its owner gives it away.
        case detached
        /// Its owner wants it reset, or it has run out of time.
        case reset
        /// The server has ended, and the `Connection` value still exists.
        case serverEnded
        /// Its turn has come; so much is left to send.
        case due(Unsent)
        case finished(Finish)
        case disconnected
        case sent(Outcome)
        case received(Outcome)
        case discarded(Outcome)
        /// What the kernel had no memory for may be tried again.
        case rested
    }

    package enum Unsent: Hashable, Sendable {
        case nothing
        /// As many bytes as one send may carry, or fewer.
        case few
        case many
    }

    /// What became of an attempt to send the last bytes and the end of the stream.
    package enum Finish: Hashable, Sendable {
        /// They are sent, and nothing was left unheard.
        case clean
        /// They are sent, and the peer had said something.
        case spoke
        /// The kernel has them, and has not sent all yet.
        case unsent
        /// The socket has not taken all of the bytes for now.
        case short
        /// The kernel had no memory for it.
        case refused
        /// The socket takes nothing any more.
        case failed
    }

    /// What became of an operation.
    package enum Outcome: Hashable, Sendable {
        /// It has done what it could. A discard: the peer goes on.
        case done
        /// A discard: the peer has ended its side, or is gone.
        case ended
        /// The kernel had no memory for it.
        case refused
        /// The connection is lost.
        case failed
    }

    package enum Action: Hashable, Sendable {
        /// Nothing, or wait for what is in flight.
        case none
        /// Put it on the list of those whose turn is to come.
        case markDue
        /// Tell when the kernel has had a rest.
        case retryLater
        /// Submit what its owner wants sent and received.
        case serve
        /// Cancel its receive, if it has one.
        case stopReceiving
        /// The same, and submit a send, if there is something to send and none in flight.
        case send
        /// Send the last bytes and the end of the stream.
        case finish
        /// Throw away what the peer says, until it ends its side.
        case hearOut
        /// Cancel that.
        case stopHearing
        /// Give its descriptor to the receiver, and free its slot.
        case handOut
        /// Reset and close it, whatever is in flight.
        case disconnect
        /// Close its descriptor, and free its slot.
        case close
        /// Free its slot.
        case free
        /// Wait for it no longer; its slot is never used again.
        case retire
    }

    /// The one place that says what becomes of a connection.
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

    /// An operation on a connection that is not heard out is over.
    @inline(__always)
    private mutating func ended(_ operation: InFlight, _ outcome: Outcome) -> Action {
        assert(inFlight.contains(operation), "\(operation) ends that was not in flight")
        inFlight.remove(operation)
        // What a receive meets when its connection ends already, a send meets, or the next owner.
        if outcome == .failed && (operation == .send || phase == .open) { isBroken = true }
        switch phase {
        case .open, .closing, .detaching: return outcome == .refused ? .retryLater : .markDue
        case .resetting, .outlived: return leave()
        case .free, .lingering, .draining:
            preconditionFailure("the end of \(operation) on a connection that is \(phase)")
        }
    }

    /// A connection that was reset goes when the kernel owes it nothing.
    private mutating func leave() -> Action {
        guard isDisconnected && inFlight.isEmpty else { return .none }
        return phase == .outlived ? .retire : become(.free, .free)
    }
}
