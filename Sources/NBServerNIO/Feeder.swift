#if NIO
internal import NBServer

/// The behavior of a loop's server: it collects what is accepted, and pauses its listeners while the loop has its part.
struct Feeder: NonBlockingServer {
    enum Cast: Sendable {
        /// The loop has room again.
        case room
        /// The loop takes nothing any more.
        case loopGone
    }

    private let collector: Collector
    private var intake: LoopIntake { collector.intake }
    private var isPaused = false

    init(_ collector: Collector) {
        self.collector = collector
    }

    func begin(_ context: borrowing ServerContext) -> Verdict {
        intake.server.withLock { $0 = context.server() }
        return .continue
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        // Nothing was asked of it before.
        guard let descriptor = connection.takeDescriptor() else { return .continue }
        collector.descriptors.append(descriptor)
        if !isPaused, intake.isOverfull(with: collector.descriptors.count) { pause(context) }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
        switch cast {
        case .room: if isPaused { resumeIfRoom(context) }
        case .loopGone:
            let cure = "its event loop was shut down: stop an acceptor before its group"
            throw ServerError(.stopped, operation: "hand a connection over", cure: cure)
        }
        return .continue
    }

    /// A drain resumes all listeners. They rest again until the loop has room.
    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        if case .draining = info, isPaused { pause(context) }
        return .continue
    }

    /// What was collected is handed over before the loop hears of the end.
    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        collector.flush()
        intake.server.withLock { $0 = nil }
        intake.finish(after: reason)
    }

    private mutating func pause(_ context: borrowing ServerContext) {
        isPaused = true
        for address in context.addresses { try? context.pauseListener(on: address) }
        resumeIfRoom(context)
    }

    /// Asks to be told of room before it looks, so that none is missed.
    private mutating func resumeIfRoom(_ context: borrowing ServerContext) {
        guard intake.awaitRoom(with: collector.descriptors.count) else { return }
        isPaused = false
        for address in context.addresses { try? context.resumeListener(on: address) }
    }
}
#endif
