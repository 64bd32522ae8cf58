/// Whether the server's resident memory grows.
///
/// The server's tables and pools keep what they once needed; since every round has as many clients as the first, the first
/// makes them as large as they will ever be. The allocator of the server's process keeps next to nothing, see
/// ``ServerProcess``. The margin of 1 MiB is for the kernel's counting, which is exact to some dozens of pages a thread. A
/// leak adds up over the rounds, so the longer the soak, the smaller a leak it finds; ``sensitivity(_:)`` says how small.
struct Growth {
    let first: Int
    var last: Int

    private static let margin = 1 << 20

    var limit: Int { first + Self.margin }
    var isTooMuch: Bool { last > limit }

    /// The smallest leak in bytes a connection that is sure to have been found after so many connections.
    func sensitivity(_ connections: Int) -> Int { Self.margin / max(connections, 1) + 1 }
}
