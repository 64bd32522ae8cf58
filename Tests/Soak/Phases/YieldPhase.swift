/// Out of descriptors again and again, and each time the server closes what it holds: it is the descriptors of its own
/// that let it go on.
struct YieldPhase: Phase {
    let name = "yield"

    func play(on stage: Stage) throws {
        let start = try stage.process.look(at: stage.patient)
        try stage.process.setYielding(true, at: stage.patient)
        try stage.process.takeDescriptors(but: 100)
        var crowd = stage.makeCrowd()
        crowd.add(1_000, to: stage.patient, .hold, .greeting)
        let greeted = { crowd.clients.count { $0.isGreeted || $0.outcome != nil } }
        try crowd.run { greeted() == 1_000 }
        try stage.process.returnDescriptors()
        try stage.process.setYielding(false, at: stage.patient)

        // The listener may have parked after the last of them; this one finds it recovered.
        crowd.add(1, to: stage.patient, .hold, .greeting)
        try crowd.run { greeted() == 1_001 }
        try stage.ask(stage.patient, for: .dismiss)
        try crowd.run()
        let parks = try stage.process.look(at: stage.patient)[.parks] - start[.parks]
        stage.ledger.expect(
            ["parks that 1,000 clients and 100 descriptors make at least": 9],
            isAtMost: ["parks": parks]
        )
    }
}
