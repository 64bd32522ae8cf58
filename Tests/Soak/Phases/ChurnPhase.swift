/// One client after the other.
struct ChurnPhase: Phase {
    let name = "churn"

    func play(on stage: Stage) throws {
        for _ in 0..<1_000 {
            var crowd = stage.makeCrowd()
            if UInt8.random(in: 0..<4, using: &stage.randomness) == 0 {
                crowd.add(1, to: stage.patient, .echo, .echo)
            } else {
                crowd.add(1, to: stage.patient, .greet, .greeting)
            }
            try crowd.run()
        }
    }
}
