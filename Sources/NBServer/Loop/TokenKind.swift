internal import NBEngine

/// What an operation of the loop was submitted for: the `kind` of its token.
enum TokenKind: UInt8 {
    /// An accept; the slot is a listener's.
    case accept
    /// The reading of the wake-up descriptor.
    case wakeUp
    /// A send; the slot is a connection's, as for the next two.
    case send
    /// A receive for a worker.
    case receive
    /// The reading and throwing away of what a client said.
    case discardInput
    /// The reset of a connection.
    case disconnect
    /// The closing of a descriptor.
    case close
    /// The cancellation of any of them. What matters is how the cancelled one ends.
    case cancel
}

extension Token {
    init(_ kind: TokenKind, generation: UInt32 = 0, slot: UInt32) {
        self.init(kind: kind.rawValue, generation: generation, slot: slot)
    }
}
