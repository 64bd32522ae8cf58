/// One kind of hardship for the server. It brings its clients, waits for their ends, and says what must balance beyond
/// what ``Audit`` checks after every phase.
///
/// The numbers of clients are the same in every round, so that the first round takes all the memory that later ones need.
protocol Phase: Sendable {
    var name: String { get }

    func play(on stage: Stage) throws
}

enum Phases {
    /// In the order of the table; each round plays them in another.
    static let all: [any Phase] = [
        ChurnPhase(),
        FloodPhase(),
        EarlyResetPhase(),
        RudePhase(),
        StallPhase(),
        SlowReaderPhase(),
        SlowlorisPhase(),
        // Out of descriptors, by what the server does about it.
        ParkPhase(),
        YieldPhase(),
        ShedPhase(),
        ProxyPhase(),
        RestartPhase(),
        QueueStopPhase(),
    ]
}
