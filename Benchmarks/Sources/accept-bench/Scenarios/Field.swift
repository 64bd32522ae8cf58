import Measuring

/// What all scenarios of a run share: how much, how long, and on which CPUs.
struct Field: Sendable {
    var placement: Placement?
    var sources = SourceAddresses(count: SourceAddresses.most)
    /// Threads of each server, with a loop and listeners each.
    var shards = 1
    /// In a network namespace of its own, where all segments are those of the comparison.
    var isPrivate = false
    var threads = 1
    /// How long a measurement takes that has no end of its own.
    var seconds = 0.8
    /// Connections in a backlog.
    var backlog = 3000
    /// Clients at a time in a closed loop.
    var inFlight = 64
    /// Connections a second in an open loop.
    var perSecond = 2000.0
    /// Connections held.
    var held = 4000
    /// Microseconds between two calls.
    var callInterval = 1000
}
