@preconcurrency internal import Glibc
internal import Measuring
internal import NBServer

/// The child process: it runs one server, does what signals tell it, and answers each with a line on standard output.
///
/// ```
/// (begins)   listening on PORT ...
/// SIGUSR1    account NUMBER ...      what the server has counted; see Account
/// SIGUSR2    finished COUNT          says the last part of the greeting to connections that wait for it, and drops them
/// SIGTERM    (ends)
/// ```
struct ServerRole {
    static let tellAccount = Signal(rawValue: SIGUSR1)
    static let finishWaiting = Signal(rawValue: SIGUSR2)

    private let plan: ServerPlan

    init(_ plan: ServerPlan) throws {
        self.plan = plan
        try Self.endWithParent()
    }

    func run() throws {
        let server = try Server(
            GreetingBehavior(plan),
            listening: plan.parts.map { _ in "127.0.0.1:0" },
            options: ServerOptions(
                closeTimeLimit: plan.closeTimeLimit,
                socketOptions: plan.sendBuffer > 0 ? [.sendBuffer(plan.sendBuffer)] : [],
                quantum: plan.quantum
            )
        )
        try server.run(stoppingOn: [.terminate], reporting: [Self.tellAccount, Self.finishWaiting])
    }

    /// A process that is killed while it holds this one leaves nobody to let it go on. `PR_SET_PDEATHSIG`, `prctl(2)`.
    private static func endWithParent() throws {
        typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        // Swift does not import functions with `...`.
        guard let address = dlsym(nil, "prctl") else { throw Failure("there is no prctl(2) here") }
        let prctl = unsafeBitCast(address, to: Prctl.self)
        let setParentDeathSignal: Int32 = 1
        guard prctl(setParentDeathSignal, UInt(SIGKILL), 0, 0, 0) == 0 else { throw Failure(call: "prctl") }
    }
}
