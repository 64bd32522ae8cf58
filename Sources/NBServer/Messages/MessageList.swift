/// Messages in the order in which they are to be handled, which hang one behind the other and take no memory besides their own.
///
/// Owned by the inbox; loop's thread only.
struct MessageList: ~Copyable {
    private var first: Unmanaged<Message>?
    private var last: Unmanaged<Message>?

    init() {}

    /// Takes over what a mailbox held.
    init(_ messages: Mailbox.Messages) {
        var next = messages.latest
        last = next
        while let message = next {
            next = message.takeUnretainedValue().neighbor
            message.takeUnretainedValue().neighbor = first
            first = message
        }
    }

    deinit {
        var next = first
        while let message = next {
            next = message.takeUnretainedValue().neighbor
            message.release()
        }
    }

    var isEmpty: Bool { first == nil }

    mutating func append(_ message: consuming Message) {
        message.neighbor = nil
        let added = Unmanaged.passRetained(message)
        if let last { last.takeUnretainedValue().neighbor = added } else { first = added }
        last = added
    }

    mutating func popFirst() -> Message? {
        guard let message = first?.takeRetainedValue() else { return nil }
        first = message.neighbor
        if first == nil { last = nil }
        return message
    }
}
