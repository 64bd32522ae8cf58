#if NIO
internal import NIOCore

/// Something to be done on an intake's loop; if the loop was shut down and drops it, the intake hears that instead.
///
/// Made and run by any thread, done on the loop's.
final class LoopErrand: @unchecked Sendable {
    private let body: (LoopIntake) -> Void
    private var intake: LoopIntake?

    init(_ body: @escaping @Sendable (LoopIntake) -> Void) {
        self.body = body
    }

    deinit {
        intake?.closeWithoutLoop()
    }

    func run(for intake: LoopIntake) {
        self.intake = intake
        intake.loop.execute { self.run() }
    }

    private func run() {
        guard let intake else { return }
        self.intake = nil
        body(intake)
    }
}
#endif
