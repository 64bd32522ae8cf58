/// What a server counts, apart from its callbacks.
enum Count: Int, CaseIterable, Sendable {
    // The library's own.
    case delivered
    case discarded
    case shed
    case failed
    case expired

    // The behavior's.
    /// The highest serial number given in this process.
    case lastSerial
    /// Connections that are held.
    case held
    /// Connections that were held, and were found to be gone when they were to be closed.
    case gone
    /// Connections that were released, and whose descriptor came.
    case handedOver
    /// Connections that were released, and whose descriptor never comes, since their client has left.
    case letGo
    case parks
    /// How often a listener began to shed its clients.
    case sheddings
    case recoveries
    case downs
}
