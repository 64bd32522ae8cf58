/// Thousands that are connected and idle while others are served; some of them leave unnoticed.
struct SlowlorisPhase: Phase {
    let name = "slowloris"

    private static let leaving = 300

    func play(on stage: Stage) throws {
        var idle = stage.makeCrowd()
        // In two parts, neither of which overflows the listener's queue.
        for _ in 0..<2 {
            idle.add(
                2_000,
                to: stage.patient,
                .hold,
                Script(steps: [.connect, .greeting, .wait, stillHere, .wait, .end])
            )
            try idle.run()
        }
        idle.add(
            Self.leaving,
            to: stage.patient,
            .hold,
            Script(steps: [.connect, .greeting, .wait, .reset], outcome: .rude)
        )
        try idle.run()

        for _ in 0..<10 {
            var others = stage.makeCrowd()
            others.add(50, to: stage.patient, .greet, .greeting)
            others.add(10, to: stage.patient, .echo, .echo)
            try others.run()
        }
        // Those who leave do so now, the others listen; that they have left is noticed only by sending.
        idle.goOn()
        try stage.ask(stage.patient, for: .wave)
        try idle.run()
        try stage.waitForConnections(4_000, "when those who left have been noticed")
        idle.goOn()
        try stage.ask(stage.patient, for: .dismiss)
        try idle.run()
        stage.ledger.goneCount = Self.leaving
    }

    private var stillHere: Step { .line("still here") }
}
