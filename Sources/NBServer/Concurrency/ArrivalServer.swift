/// The behavior behind `withListener`: it hands its
/// connections to a channel.
///
/// Owned by its server; server's thread only.
struct ArrivalServer: NonBlockingServer {
    let channel: ArrivalChannel

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        channel.arrived(connection, context)
        return .continue
    }

    /// A drain has let the listeners accept again.
    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        if case .draining = info { channel.pauseAgain(context) }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        channel.terminate(context)
    }
}
