#if NIO
internal import NBServer

/// Accepted connections on their way to a loop, which own their descriptors until the loop takes them.
///
/// A loop that was shut down drops what it is to execute, and the batch with it: then its connections are reset and counted. Made on a
/// server's thread, emptied on the loop's, dropped on either.
final class AcceptedBatch: @unchecked Sendable {
    private var descriptors: [Int32]
    private let intake: LoopIntake

    init(_ descriptors: [Int32], for intake: LoopIntake) {
        self.descriptors = descriptors
        self.intake = intake
        intake.expect(descriptors.count)
    }

    deinit {
        if !descriptors.isEmpty { intake.loseLoop(descriptors) }
    }

    /// On the loop: each connection becomes a channel, or waits to.
    func adopt() {
        let taken = descriptors
        descriptors = []
        for descriptor in taken { intake.adopt(descriptor) }
    }
}
#endif
