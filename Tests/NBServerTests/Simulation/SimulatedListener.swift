import Glibc
import NBEngine

@testable import NBServer

/// A listening socket in the simulated kernel, and what the server has said about it.
struct SimulatedListener {
    struct Arm {
        let token: Token
        let isMultishot: Bool
        /// Cancelled, but not at an end yet.
        var isCancelled = false
    }

    let descriptor: Int32
    let address: SocketAddress
    /// Clients that wait.
    var backlog = 0
    var arm: Arm?
    /// The last completion of an arm waits to be taken.
    var isEndQueued = false
    /// Fails every accept from now on.
    var failsForGood: Int32?
    /// The server has closed it.
    var isClosed = false
    /// A client has come since the server began to drain.
    var hasLateClient = false

    /// It is to rest.
    var isPaused = false
    /// It was removed, and the behavior has been told that it is gone.
    var isRemoved = false
    var isToldRemoved = false
    /// How it leaves together with those of other loops, if it was asked to.
    var departure: SimulatedDeparture?

    /// Said to be parked or shedding, and not to have recovered.
    var isTroubled = false
    /// Said to be at a limit.
    var isAtLimit = false
    /// Said to be down.
    var isDown = false
    /// The server saw an arm fail with this, then.
    var seenFailure: (errno: Int32, time: Instant)?
    /// Arms that failed in a row without anything having changed: for a reason that passes, and for any other.
    var armsInVain = (passing: 0, other: 0)

    /// The client that has waited longest is accepted, or one that has just come.
    mutating func takeFirst() {
        backlog = max(0, backlog - 1)
        departure?.noteAccepted()
    }

    /// The server has seen that it will never accept again.
    var isGoingDown: Bool {
        seenFailure.map { AcceptFailure(errno: $0.errno) == .down } ?? false
    }

    /// The last failure is one for which a freed descriptor is a cure.
    var wantsDescriptor: Bool {
        seenFailure.map { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains($0.errno) } ?? false
    }
}
