@testable import NBServer

/// What others send a simulated server, and what becomes of it.
///
/// It does what `Server` does for its callers, but for the waiting, and keeps a record of every message: which were taken,
/// which handled, and what each call has come to. Used by one thread.
final class SimulatedPost: @unchecked Sendable {
    typealias Behavior = SimulatedBehavior

    /// What the server has made of a call.
    enum Fate: Equatable {
        case waits
        /// The behavior has the caller.
        case held
        case replied(Int)
        case letGo
        /// Its own caller has given it up.
        case abandoned
    }

    private struct Record {
        let call: TypedCall<Int>
        var fate = Fate.waits
        /// How often it has ended.
        var ends = 0
    }

    private struct Sender {
        var taken = 0
        var handled = 0
    }

    let mailbox: Mailbox
    private let kernel: SimulatedKernel
    private let options: ServerOptions

    private var records: [Record] = []
    /// Calls that have not ended.
    private var open: Set<Int> = []
    private var senders = Array(repeating: Sender(), count: 3)
    /// Calls and casts that were taken and not handled.
    private(set) var unhandledMessages = 0
    /// The same for what does not concern the behavior.
    private(set) var unhandledWishes = 0
    /// How many were put in.
    private(set) var count = 0
    /// Why the server has stopped, once it has.
    private(set) var end: StopReason?

    init(_ control: LoopControl, _ kernel: SimulatedKernel, _ options: ServerOptions) {
        mailbox = Mailbox(control, options)
        self.kernel = kernel
        self.options = options
    }

    /// The server has a reason to stop; the first counts.
    func noteEnd(_ reason: StopReason) {
        guard end == nil else { return }
        end = reason
        (unhandledMessages, unhandledWishes) = (0, 0)
        for number in open where records[number].fate == .waits { records[number].fate = .letGo }
    }

    private func violate(_ text: String) {
        kernel.violate(text)
    }
}

// What others do. In the simulation they share the loop's thread.
extension SimulatedPost {
    /// Calls the behavior.
    func call() {
        let wish = SimulatedCall.Wish.allCases[kernel.random.below(kernel.random.chance(20) ? 6 : 4)]
        let (number, origin) = (records.count, nextOrigin())
        let isTaken = ask(isForBehavior: true) { caller in
            CallMessage<Behavior>(SimulatedCall(wish: wish, number: number, origin: origin, caller: caller))
        }
        if isTaken { senders[origin.sender].taken += 1 }
    }

    func cast() {
        let origin = nextOrigin()
        let message = SimulatedCast(origin: origin, fails: kernel.random.chance(5))
        if put(CastMessage<Behavior>(message), isForBehavior: true) { senders[origin.sender].taken += 1 }
    }

    /// Looks at the behavior.
    func look() {
        let number = records.count
        _ = ask(isForBehavior: false) { caller in
            LookMessage<Behavior> { [self] _ in
                noteHandledWish()
                kernel.tally.note(.look)
                reply(number, number, caller)
            }
        }
    }

    /// Has the loop do what a callback could do.
    func request(_ body: @escaping @Sendable (borrowing ServerContext) -> Void) {
        let number = records.count
        _ = ask(isForBehavior: false) { caller in
            .request { [self] context in
                noteHandledWish()
                body(context)
                reply(number, number, caller)
            }
        }
    }

    /// The same for somebody who waits for something else than a number. Returns whether the request was taken.
    func request<Reply>(
        _ call: TypedCall<Reply>,
        _ body: @escaping @Sendable (borrowing ServerContext, Caller<Reply>) -> Void
    ) -> Bool {
        mailbox.ledger.enter(call.pending)
        let caller = Caller(call)
        let isTaken = put(
            .request { [self] context in
                noteHandledWish()
                body(context, caller)
            },
            isForBehavior: false
        )
        if !isTaken { mailbox.ledger.strike(call.pending) }
        return isTaken
    }

    /// Somebody waits no more.
    func abandon() {
        guard let number = kernel.random.element(of: open.sorted()) else { return }
        kernel.note("call \(number) is abandoned")
        kernel.tally.note(.abandonedCall)
        records[number].fate = .abandoned
        records[number].call.pending.fail(.timeout(.zero))
        mailbox.ledger.strike(records[number].call.pending)
    }

    private func nextOrigin() -> SimulatedCall.Origin {
        let sender = kernel.random.below(senders.count)
        return SimulatedCall.Origin(sender: sender, order: senders[sender].taken)
    }

    /// What `Server.send` does. Returns whether the message was taken.
    private func ask(
        isForBehavior: Bool,
        _ message: (Caller<Int>) -> Message
    ) -> Bool {
        let call = TypedCall<Int>(mailbox.ledger)
        let number = records.count
        mailbox.ledger.enter(call.pending)
        guard put(message(Caller(call)), isForBehavior: isForBehavior) else {
            mailbox.ledger.strike(call.pending)
            return false
        }
        kernel.note("call \(number) is sent")
        records.append(Record(call: call))
        open.insert(number)
        call.pending.whenSettled { [self] in ended(number, Result { () throws(CallError) in try call.get() }) }
        return true
    }

    /// Puts a message in, and looks whether it was taken or refused as it should be.
    private func put(_ message: consuming Message, isForBehavior: Bool) -> Bool {
        let isFull = isForBehavior && options.mailboxLimit.map { unhandledMessages >= $0 } == true
        if isFull && end == nil && options.whenMailboxIsFull == .stop { kernel.noteStop() }
        do {
            try mailbox.put(message)
            if end != nil || isFull { violate("a message was taken by a mailbox that is full or closed") }
            count += 1
            if isForBehavior { unhandledMessages += 1 } else { unhandledWishes += 1 }
            return true
        } catch {
            switch error {
            case .stopped(let reason):
                kernel.tally.note(.lateMessage)
                if end.map({ "\($0)" }) != "\(reason)" { violate("a message was refused, since stopped: \(reason)") }
            case .mailboxFull(let limit):
                kernel.tally.note(.refusedMessage)
                if !isFull || limit != options.mailboxLimit { violate("\(unhandledMessages) messages are too many") }
            case .workerGone, .connectionTaken: violate("a message for the behavior was refused as one of a connection")
            }
            return false
        }
    }
}

// What the server does.
extension SimulatedPost {
    /// The behavior is given a message.
    func noteHandled(_ origin: SimulatedCall.Origin) {
        unhandledMessages -= 1
        let expected = senders[origin.sender].handled
        if origin.order != expected {
            violate("message \(origin.order) of sender \(origin.sender) came instead of \(expected)")
        }
        senders[origin.sender].handled = origin.order + 1
        if end != nil { violate("a message is handled after the stop") }
    }

    private func noteHandledWish() {
        unhandledWishes -= 1
        if end != nil { violate("a wish is carried out after the stop") }
    }

    /// The behavior keeps a caller.
    func noteHeld(_ number: Int) {
        if records[number].fate == .waits { records[number].fate = .held }
    }

    /// The behavior drops a caller.
    func noteLetGo(_ number: Int) {
        if open.contains(number), records[number].fate != .abandoned { records[number].fate = .letGo }
    }

    /// Answers a call. It leaves when the present callback has returned.
    func reply(_ number: Int, _ value: Int, _ caller: Caller<Int>) {
        let isOpen = open.contains(number)
        if isOpen { records[number].fate = .replied(value) }
        caller.reply(value)
        if isOpen && !open.contains(number) { violate("the answer to call \(number) has left within the callback") }
    }

    /// A call has ended.
    private func ended(_ number: Int, _ result: Result<Int, CallError>) {
        open.remove(number)
        kernel.note("call \(number) has ended: \(result)")
        records[number].ends += 1
        switch (result, records[number].fate) {
        case (.success(let value), .replied(let reply)) where value == reply: kernel.tally.note(.answer)
        case (.failure(.unanswered), .letGo) where end == nil: kernel.tally.note(.unansweredCall)
        case (.failure(.timeout), .abandoned): break
        case (.failure(.stopped(let reason)), .letGo), (.failure(.stopped(let reason)), .held):
            kernel.tally.note(.stoppedCall)
            if end.map({ "\($0)" }) != "\(reason)" { violate("call \(number) has ended, since stopped: \(reason)") }
        default: violate("call \(number) has ended in \(result), and its fate was: \(records[number].fate)")
        }
    }
}

// What must hold.
extension SimulatedPost {
    /// At every wait: what has been decided has been told, and what waits will be handled.
    func checkStep(isSuspended: Bool, isAwaited: Bool) {
        for number in open {
            switch records[number].fate {
            case .waits, .held, .abandoned: break
            case .replied, .letGo: violate("call \(number) is \(records[number].fate), and its caller has not heard")
            }
        }
        guard end == nil, isAwaited else { return }
        if unhandledWishes > 0 || unhandledMessages > 0 && !isSuspended {
            violate("\(unhandledMessages) messages and \(unhandledWishes) wishes wait, and nothing wakes the loop")
        }
    }

    /// When the server has ended.
    func checkEnd() {
        for number in open.sorted() { violate("call \(number) has not ended: \(records[number].fate)") }
        for (number, record) in records.enumerated() where record.ends > 1 { violate("call \(number) has ended twice") }
        if mailbox.count != 0 { violate("the mailbox counts \(mailbox.count) messages at the end") }
    }
}
