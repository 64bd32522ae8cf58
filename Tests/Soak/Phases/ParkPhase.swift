/// Somebody else takes the process's descriptors: the listener parks and says so, clients wait, those already connected
/// are served, and when there are descriptors again everybody is.
struct ParkPhase: Phase {
    let name = "park"

    func play(on stage: Stage) throws {
        let start = try stage.process.look(at: stage.patient)
        var connected = stage.makeCrowd()
        connected.add(
            10,
            to: stage.patient,
            .hold,
            Script(steps: [.connect, .greeting, .wait, .line("still here"), .end])
        )
        connected.add(
            10,
            to: stage.patient,
            .echo,
            Script(steps: [.connect, .greeting, .wait, .sayIdentity, .hearIdentity, .end], outcome: .echoed)
        )
        try connected.run()
        // Nobody may give a descriptor back between the taking and the counting.
        try stage.waitForConnections(20, "before the descriptors are taken")

        try stage.process.takeDescriptors(but: 20)
        var waiting = stage.makeCrowd()
        waiting.add(
            500,
            to: stage.patient,
            .hold,
            Script(steps: [.connect, .greeting, .wait, .line("still here"), .end])
        )
        try waiting.run { try stage.process.look(at: stage.patient)[.parks] > start[.parks] }
        try waiting.run { waiting.clients.count(where: \.isGreeted) >= 20 }
        stage.ledger.expect(
            ["greeted": waiting.clients.count(where: \.isGreeted)],
            equals: ["descriptors that were left": 20]
        )

        connected.goOn()
        try connected.run { connected.clients.count { $0.outcome == .echoed } == 10 }
        try stage.process.returnDescriptors()
        try waiting.run()
        waiting.goOn()
        try stage.ask(stage.patient, for: .wave)
        try stage.ask(stage.patient, for: .dismiss)
        try connected.run()
        try waiting.run()
    }
}
