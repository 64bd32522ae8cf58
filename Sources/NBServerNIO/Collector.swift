#if NIO
internal import NBServer

/// What a server has accepted in this turn for its loop. At the end of the turn the server tells its observers, and what was collected
/// leaves with one `execute`.
///
/// The server's thread only.
final class Collector: ServerObserver, @unchecked Sendable {
    let intake: LoopIntake
    var descriptors: [Int32] = []

    init(_ intake: LoopIntake) {
        self.intake = intake
    }

    func observe(_ events: [ServerEvent], _ counters: ServerCounters) { flush() }

    /// Hands over what was collected.
    func flush() {
        guard !descriptors.isEmpty else { return }
        let batch = AcceptedBatch(descriptors, for: intake)
        descriptors.removeAll(keepingCapacity: true)
        intake.loop.execute { batch.adopt() }
    }
}
#endif
