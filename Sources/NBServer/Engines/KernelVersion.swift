/// A version of Linux, as in `uname(2)`: `6.1`.
public struct KernelVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first number.
    public let major: Int
    /// The second number.
    public let minor: Int

    /// The version with these two numbers.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Whether `older` came before `newer`.
    public static func < (older: KernelVersion, newer: KernelVersion) -> Bool {
        (older.major, older.minor) < (newer.major, newer.minor)
    }

    /// The version as text: `Linux 6.1`.
    public var description: String { "Linux \(major).\(minor)" }
}
