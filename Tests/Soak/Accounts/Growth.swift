/// Whether the server's resident memory grows.
///
/// The server's tables and pools keep what they once needed, and so does the allocator; since every round has as many
/// clients as the first, the first makes them as large as they will ever be. From then on resident memory may wander with
/// the order of the phases, which decides how the allocator's heaps are cut up, and with the kernel's counting, which is
/// exact to some dozens of pages. The margin is for that: 4 MiB and a twentieth. A leak adds up over the rounds, so the
/// longer the soak, the smaller a leak it finds; ``sensitivity(_:)`` says how small.
struct Growth {
    let first: Int
    var last: Int

    private var margin: Int { (4 << 20) + first / 20 }
    var limit: Int { first + margin }
    var isTooMuch: Bool { last > limit }

    /// The smallest leak in bytes a connection that is sure to have been found after so many connections.
    func sensitivity(_ connections: Int) -> Int { margin / max(connections, 1) + 1 }
}
