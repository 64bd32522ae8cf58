/// What a completion is about: sixty-four bits that go into the kernel with an operation and come back with
/// each of its completions.
///
/// A token names a place in a table of its owner's (`slot`), which life of that place is meant (`generation`),
/// and what was asked for (`kind`). It is never a pointer: a completion that arrives after its slot has changed
/// hands is recognized by its generation instead of being delivered to the new tenant.
///
/// ```
///  63       56 55                32 31                 0
/// ┌───────────┬────────────────────┬────────────────────┐
/// │   kind    │     generation     │        slot        │
/// └───────────┴────────────────────┴────────────────────┘
/// ```
@frozen
public struct Token: RawRepresentable, Hashable, Sendable {
    /// The bits as the kernel carries them (`user_data` of a submission and of its completions).
    public let rawValue: UInt64

    /// A token from the bits of a completion.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Packs a token.
    ///
    /// - Parameters:
    ///   - kind: what was asked for, in the owner's own numbering. 255 is reserved for liburing.
    ///   - generation: which life of the slot is meant; the lowest 24 bits are kept.
    ///   - slot: the place in the owner's table.
    @inlinable
    public init(kind: UInt8, generation: UInt32 = 0, slot: UInt32) {
        precondition(kind != UInt8.max, "token kind 255 is reserved: liburing marks its own timeouts with all bits set")
        rawValue = UInt64(kind) << 56 | UInt64(generation & Token.generationMask) << 32 | UInt64(slot)
    }

    /// The token of the same slot and generation for something else.
    @inlinable
    public func with(kind: UInt8) -> Token {
        Token(rawValue: rawValue & (UInt64.max >> 8) | UInt64(kind) << 56)
    }

    /// What was asked for.
    @inlinable
    public var kind: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 56) }

    /// Which life of the slot is meant: 24 bits.
    @inlinable
    public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & Token.generationMask }

    /// The place in the owner's table.
    @inlinable
    public var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// What the return of a receive buffer completes with, where that takes an operation; not a token of any table.
    @inlinable
    public static func bufferReturn(_ buffer: UInt16) -> Token { Token(kind: engineKind, slot: UInt32(buffer)) }

    /// The buffer whose return has completed; `nil` for a token of anything else.
    @inlinable
    public var returnedBuffer: UInt16? {
        kind == Token.engineKind && generation == 0 ? UInt16(truncatingIfNeeded: slot) : nil
    }

    /// The kind of what an engine submits for itself. Generation 0 is ``bufferReturn(_:)``; the others are the engine's own.
    @inlinable
    public static var engineKind: UInt8 { 254 }

    /// The bits a generation has; the generation after this one is 0 again.
    @inlinable
    public static var generationMask: UInt32 { 0xff_ffff }
}
