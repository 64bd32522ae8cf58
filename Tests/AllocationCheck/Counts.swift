internal import CAllocationCounter

/// What a thread did to the heap, or may do.
struct Counts: Equatable, Sendable, CustomStringConvertible {
    var allocations = 0
    var frees = 0
    var retains = 0
    var releases = 0

    static let none = Counts()

    /// What the calling thread has done so far. Allocates nothing.
    static var now: Counts {
        let counts = allocation_counter_read()
        return Counts(
            allocations: Int(counts.allocations),
            frees: Int(counts.frees),
            retains: Int(counts.retains),
            releases: Int(counts.releases)
        )
    }

    /// Frees are told only if there are any: without allocations there is little to free.
    var description: String {
        "\(allocations) allocations, \(retains) retains, \(releases) releases" + (frees == 0 ? "" : ", \(frees) frees")
    }

    static func - (later: Counts, earlier: Counts) -> Counts {
        Counts(
            allocations: later.allocations - earlier.allocations,
            frees: later.frees - earlier.frees,
            retains: later.retains - earlier.retains,
            releases: later.releases - earlier.releases
        )
    }
}
