internal import Synchronization

/// Has methods read a long value where the value is.
///
/// The compiler (Swift 6.3) copies a value that cannot be copied otherwise to the stack, for each method that only reads the value. It does
/// not if a part of the value needs an address, as an atomic does. Never read or written itself.
public struct FixedPlace: ~Copyable {
    private let atomic = Atomic<UInt8>(0)

    /// One of these in a value is enough.
    public init() {}
}
