/// The loop's end of a mailbox: messages that were taken and not handled yet.
///
/// While the server is suspended, messages for the behavior are set aside, in their order. Owned by the behavior's box;
/// loop's thread only.
struct Inbox: ~Copyable {
    let mailbox: Mailbox

    private var taken = MessageList()
    private var setAside = MessageList()

    init(_ mailbox: Mailbox) {
        self.mailbox = mailbox
    }

    /// Whether there may be a message to handle. A suspended server has to look at what was taken to know.
    func hasMessage(isSuspended: Bool) -> Bool {
        mailbox.hasMessages || !taken.isEmpty || !isSuspended && !setAside.isEmpty
    }

    /// Takes the next message to handle.
    mutating func next(isSuspended: Bool) -> Message? {
        if !isSuspended, let message = setAside.popFirst() { return handling(message) }
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

    private func handling(_ message: Message) -> Message {
        if message.isForBehavior { mailbox.noteHandled() }
        return message
    }

    private mutating func nextTaken() -> Message? {
        if taken.isEmpty { taken = MessageList(mailbox.takeAll()) }
        return taken.popFirst()
    }
}
