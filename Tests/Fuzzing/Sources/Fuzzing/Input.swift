/// The bytes libFuzzer made up, read from front to back; where they end, zeros follow.
///
/// A fuzzer makes one for each input and reads it on the one thread there is.
package struct Input {
    private var rest: Slice<UnsafeBufferPointer<UInt8>>

    package init(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        rest = UnsafeBufferPointer(start: bytes, count: count)[...]
    }

    package var isEmpty: Bool { rest.isEmpty }

    package mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// An integer of any value, the low byte first.
    package mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer {
        (0..<Integer.bitWidth / 8).reduce(0) { $0 | Integer(truncatingIfNeeded: byte()) << ($1 * 8) }
    }

    /// What is left, as text; what is not UTF-8 is repaired.
    package consuming func text() -> String {
        String(decoding: rest, as: UTF8.self)
    }
}
