/// What each of some signals means to a server while it runs.
///
/// Made by the thread that starts the server, and copied into its ``LoopControl``.
struct SignalRoles: Sendable {
    /// They are told to the behavior, whatever other list they are in.
    let reporting: [Signal]
    /// They drain the server, within a limit.
    let draining: [Signal]
    let drainLimit: Duration
    /// They stop it.
    private let stopping: [Signal]

    init(
        draining: [Signal] = [],
        within limit: Duration = .zero,
        stopping: [Signal] = [],
        reporting: [Signal] = []
    ) {
        self.reporting = reporting
        self.draining = draining
        self.stopping = stopping
        drainLimit = limit
    }

    var isEmpty: Bool { signals.isEmpty }

    /// All of them, each once.
    var signals: Set<Signal> { Set(draining + stopping + reporting) }
}
