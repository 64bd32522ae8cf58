/// Clients that are gone when the server accepts them: it is delivered every one all the same.
struct EarlyResetPhase: Phase {
    let name = "early reset"

    func play(on stage: Stage) throws {
        var crowd = stage.makeCrowd()
        let leaving = Script(steps: [.connect, .reset], outcome: .rude)
        try stage.whilePaused {
            for _ in 0..<10 {
                crowd.add(50, to: stage.patient, .greet, leaving)
                crowd.add(20, to: stage.patient, .echo, leaving)
                crowd.add(1, to: stage.patient, .pour, leaving)
                crowd.add(50, to: stage.patient, .greet, .greeting)
            }
            let left = { crowd.clients.count { $0.outcome == .rude } }
            try crowd.run { left() == 710 }
        }
        try crowd.run()
    }
}
