/// The loop's end of a mailbox: messages that were taken and not handled yet.
///
/// While the server is suspended, messages for the behavior are set aside, in their order. Owned by the behavior's box;
/// loop's thread only.
struct Inbox<Behavior: NonBlockingServer & ~Copyable>: ~Copyable {
    let mailbox: Mailbox<Behavior>

    // Optionals, so that a message is moved out and its caller let go of when it is.
    private var taken: [Message<Behavior>?] = []
    private var position = 0
    private var setAside: [Message<Behavior>?] = []
    private var positionAside = 0

    init(_ mailbox: Mailbox<Behavior>) {
        self.mailbox = mailbox
    }

    /// How many were taken and not looked at, and how many are set aside.
    var counts: (taken: Int, aside: Int) { (taken.count - position, setAside.count - positionAside) }

    /// Takes the next message to handle.
    mutating func next(isSuspended: Bool) -> Message<Behavior>? {
        if !isSuspended, let message = nextAside() { return handling(message) }
        while let message = nextTaken() {
            guard isSuspended && message.isForBehavior else { return handling(message) }
            setAside.append(message)
        }
        return nil
    }

    /// Drops everything.
    mutating func removeAll() {
        while next(isSuspended: false) != nil {}
    }

    private func handling(_ message: Message<Behavior>) -> Message<Behavior> {
        if message.isForBehavior { mailbox.noteHandled() }
        return message
    }

    private mutating func nextAside() -> Message<Behavior>? {
        guard positionAside < setAside.count else { return nil }
        let message = setAside[positionAside].take()
        positionAside += 1
        if positionAside == setAside.count {
            setAside.removeAll()
            positionAside = 0
        }
        return message
    }

    private mutating func nextTaken() -> Message<Behavior>? {
        if position == taken.count {
            taken.removeAll(keepingCapacity: true)
            position = 0
            mailbox.take(into: &taken)
        }
        guard position < taken.count else { return nil }
        defer { position += 1 }
        return taken[position].take()
    }
}
