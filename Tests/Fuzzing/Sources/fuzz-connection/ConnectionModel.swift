@testable internal import NBServer

/// A connection's state machine, and around it the loop and the kernel as far as they concern one connection.
///
/// It lets happen only what can happen, does what the state machine says, and remembers in words of its own what has
/// happened. What a connection promises is checked at every step; a broken promise ends the process, which is how libFuzzer
/// hears of it.
struct ConnectionModel {
    private typealias InFlight = ConnectionState.InFlight

    private var state = ConnectionState()

    // The kernel's part.
    private var inFlight: InFlight = []
    private var isOpen = false
    private var hasEndedOutput = false
    /// It had no memory for something.
    private var isRefused = false

    // The owner's part.
    private var end: End?
    private var unsent = 0
    private var wantsInput = false

    // The loop's part.
    private var isInUse = false
    private var isDue = false
    private var isGone = false

    private enum End { case dropped, detached, reset, outlived }

    private static var oneSend: Int { ConnectionSlot.sendLimit }

    mutating func take(_ event: ConnectionEvent) {
        switch event {
        case .accepted: accept()
        case .queued(let count): queue(count)
        case .wantsInput: wantInput()
        case .dropped: leave(.dropped, .dropped)
        case .detached: leave(.detached, .detached)
        case .reset: leave(.reset, .reset)
        case .serverEnded: leave(.outlived, .serverEnded)
        case .expired: expire()
        case .drained: drained()
        case .turn(let finish): turn(finish)
        case .sent(let outcome, let eighths): sent(outcome, eighths)
        case .received(let outcome): complete(.receive, .received(outcome))
        case .discarded(let outcome): complete(.discard, .discarded(outcome))
        case .rested: rest()
        }
        check()
    }

    /// Wherever a history ends, a connection that its owner is done with comes to its end.
    mutating func finish() {
        if isOwned { take(.dropped) }
        for _ in 0..<1000 where isInUse && !isGone {
            take(.rested)
            take(.turn(.clean))
            take(.sent(.done, eighths: 8))
            take(.received(.done))
            take(.discarded(.ended))
        }
        precondition(!isInUse || isGone, "it never ends")
    }
}

// Events.
extension ConnectionModel {
    private var isOwned: Bool { isInUse && end == nil }

    private var isEnding: Bool { isInUse && isOpen && (end == .dropped || end == .detached) }

    private mutating func accept() {
        guard !isInUse else { return }
        self = ConnectionModel()
        isInUse = true
        isOpen = true
        obey(state.on(.accepted))
    }

    private mutating func queue(_ count: Int) {
        guard isOwned && !state.isBroken else { return }
        unsent += count
        isDue = true
    }

    private mutating func wantInput() {
        guard isOwned else { return }
        wantsInput = true
        isDue = true
    }

    /// Limits are looked at behind the completions of a turn, so no completion comes before what is due is done.
    private mutating func drained() {
        guard state.phase == .draining else { return }
        isDue = true
        turn(.clean)
    }

    private mutating func expire() {
        guard isEnding else { return }
        end = .reset
        obey(state.on(.reset))
    }

    private mutating func leave(_ end: End, _ event: ConnectionState.Event) {
        guard isOwned else { return }
        self.end = end
        obey(state.on(event))
        precondition(isDue, "its owner is done with it, and nothing is done about that")
    }

    private mutating func turn(_ finish: ConnectionState.Finish) {
        guard isDue else { return }
        isDue = false
        obey(state.on(.due(unsent == 0 ? .nothing : unsent <= Self.oneSend ? .few : .many)), finish)
    }

    private mutating func sent(_ outcome: ConnectionState.Outcome, _ eighths: Int) {
        guard inFlight.contains(.send) else { return }
        let given = min(unsent, Self.oneSend)
        if outcome == .done { unsent -= given * min(eighths, 8) / 8 }
        if outcome == .failed { unsent = 0 }
        complete(.send, .sent(outcome))
    }

    private mutating func complete(_ operation: InFlight, _ event: ConnectionState.Event) {
        guard inFlight.contains(operation) else { return }
        inFlight.remove(operation)
        obey(state.on(event))
    }

    private mutating func rest() {
        guard isRefused else { return }
        isRefused = false
        obey(state.on(.rested))
    }
}

// Actions, and what they must be like.
extension ConnectionModel {
    private mutating func obey(_ action: ConnectionState.Action, _ finish: ConnectionState.Finish = .clean) {
        switch action {
        case .none: break
        case .markDue: isDue = true
        case .retryLater: isRefused = true
        case .serve: serve()
        case .stopReceiving: precondition(!inFlight.isEmpty, "it waits for nothing")
        case .send:
            precondition(isEnding, "sent for a connection that does not end")
            if unsent > 0 && !inFlight.contains(.send) { begin(.send) }
        case .finish: attempt(finish)
        case .hearOut:
            precondition(hasEndedOutput && unsent == 0, "it has not been sent everything")
            begin(.discard)
        case .stopHearing: precondition(inFlight == .discard, "nothing is heard")
        case .handOut:
            precondition(end == .detached && unsent == 0 && inFlight.isEmpty, "handed out with something left")
            close()
        case .disconnect:
            precondition(isOpen, "reset twice")
            precondition(end == .reset || end == .outlived || state.isBroken || finish == .failed, "reset for nothing")
            isOpen = false
            obey(state.on(.disconnected))
        case .close:
            precondition(hasEndedOutput && unsent == 0, "closed before it was sent everything and the end")
            precondition(inFlight.isEmpty && end == .dropped, "closed under its owner or an operation")
            close()
        case .free:
            precondition(!isOpen && inFlight.isEmpty, "free while the kernel has it")
            isInUse = false
        case .retire:
            precondition(end == .outlived && !isOpen && inFlight.isEmpty, "retired while the kernel has it")
            isGone = true
        }
    }

    private mutating func serve() {
        precondition(end == nil, "served without an owner")
        if unsent > 0 && !inFlight.contains(.send) { begin(.send) }
        if wantsInput && !inFlight.contains(.receive) { begin(.receive) }
        wantsInput = false
    }

    private mutating func attempt(_ finish: ConnectionState.Finish) {
        precondition(end == .dropped && inFlight.isEmpty && unsent <= Self.oneSend, "finished too early")
        // Without bytes there is no send that could complain.
        let finish = unsent == 0 && [.short, .refused, .failed].contains(finish) ? .clean : finish
        switch finish {
        case .clean, .spoke, .unsent: (unsent, hasEndedOutput) = (0, true)
        case .short, .refused: break
        case .failed: unsent = 0
        }
        obey(state.on(.finished(finish)), finish)
    }

    private mutating func begin(_ operation: InFlight) {
        precondition(isOpen && !inFlight.contains(operation), "two at a time, or none to take it")
        inFlight.insert(operation)
        state.begin(operation)
    }

    private mutating func close() {
        precondition(isOpen, "closed twice")
        isOpen = false
        isInUse = false
    }

    /// What is true of a connection at any time.
    private func check() {
        precondition(state.inFlight == inFlight, "miscounts what is in flight")
        precondition((state.phase == .free) == !isInUse, "free, or not")
        precondition(isInUse || !isOpen, "its descriptor has leaked")
        guard isInUse, end != nil, !isGone else { return }
        precondition(isDue || isRefused || !inFlight.isEmpty, "nothing will ever happen to it")
    }
}

extension ConnectionModel: CustomStringConvertible {
    var description: String { "\(state.phase), \(unsent) to send, \(inFlight)" }
}
