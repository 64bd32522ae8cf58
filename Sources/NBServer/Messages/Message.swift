/// What a mailbox holds: a message for the behavior, or a wish of a thread outside that the loop carries out.
///
/// A class for each kind, so that what moves messages need not know the behavior's type: to look up a type that depends on the behavior's
/// costs a hundred nanoseconds each time, and a call would need twenty of them. For the same reason a server makes calls and casts from
/// types that it has looked up once, which a class that may be inherited from allows: see ``MessageTypes``.
///
/// Made by any thread; from when it is put in it is the mailbox's, then the inbox's, on the loop's thread.
class Message: @unchecked Sendable {
    /// Whether it waits while the server is suspended, and counts against the mailbox's limit.
    final let isForBehavior: Bool
    /// The message before it while it is in a mailbox, the one behind it in a ``MessageList``.
    final var neighbor: Unmanaged<Message>?

    init(isForBehavior: Bool) {
        self.isForBehavior = isForBehavior
    }

    /// Has it handled, once, by the behavior at an address; the verdict is `nil` if the behavior was not asked for one. Loop's thread.
    func deliver(to behavior: UnsafeMutableRawPointer, _ context: borrowing ServerContext) throws -> Verdict? {
        fatalError("abstract")
    }
}

/// A message that wants an answer.
class CallMessage<Behavior: NonBlockingServer & ~Copyable>: Message, @unchecked Sendable {
    private final let call: Behavior.Call

    required init(_ call: Behavior.Call) {
        self.call = call
        super.init(isForBehavior: true)
    }

    override func deliver(
        to behavior: UnsafeMutableRawPointer,
        _ context: borrowing ServerContext
    ) throws -> Verdict? {
        try behavior.assumingMemoryBound(to: Behavior.self).pointee.handleCall(call, in: context)
    }
}

/// A message that wants none.
class CastMessage<Behavior: NonBlockingServer & ~Copyable>: Message, @unchecked Sendable {
    private final let cast: Behavior.Cast

    required init(_ cast: Behavior.Cast) {
        self.cast = cast
        super.init(isForBehavior: true)
    }

    override func deliver(
        to behavior: UnsafeMutableRawPointer,
        _ context: borrowing ServerContext
    ) throws -> Verdict? {
        try behavior.assumingMemoryBound(to: Behavior.self).pointee.handleCast(cast, in: context)
    }
}

/// The types of a behavior's calls and casts.
struct MessageTypes<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    let call: CallMessage<Behavior>.Type = CallMessage<Behavior>.self
    let cast: CastMessage<Behavior>.Type = CastMessage<Behavior>.self
}

/// The wish to look at the behavior's state, or to change it.
final class LookMessage<Behavior: NonBlockingServer & ~Copyable>: Message, @unchecked Sendable {
    private let body: @Sendable (inout Behavior) -> Void

    init(_ body: @escaping @Sendable (inout Behavior) -> Void) {
        self.body = body
        super.init(isForBehavior: false)
    }

    override func deliver(
        to behavior: UnsafeMutableRawPointer,
        _ context: borrowing ServerContext
    ) throws -> Verdict? {
        body(&behavior.assumingMemoryBound(to: Behavior.self).pointee)
        return nil
    }
}

/// The wish for something that a callback could do as well.
final class RequestMessage: Message, @unchecked Sendable {
    private let body: @Sendable (borrowing ServerContext) -> Void

    fileprivate init(isForBehavior: Bool, _ body: @escaping @Sendable (borrowing ServerContext) -> Void) {
        self.body = body
        super.init(isForBehavior: isForBehavior)
    }

    override func deliver(
        to behavior: UnsafeMutableRawPointer,
        _ context: borrowing ServerContext
    ) throws -> Verdict? {
        body(context)
        return nil
    }
}

extension Message {
    /// Something for the server itself.
    static func request(_ body: @escaping @Sendable (borrowing ServerContext) -> Void) -> Message {
        RequestMessage(isForBehavior: false, body)
    }

    /// Something for a worker.
    static func work(_ body: @escaping @Sendable (borrowing ServerContext) -> Void) -> Message {
        RequestMessage(isForBehavior: true, body)
    }
}
