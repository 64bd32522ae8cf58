/// Thousands at once, at several listeners.
struct FloodPhase: Phase {
    let name = "flood"

    func play(on stage: Stage) throws {
        var crowd = stage.makeCrowd()
        for _ in 0..<10 {
            crowd.add(300, to: stage.patient, .greet, .greeting)
            crowd.add(50, to: stage.patient, .echo, .echo)
            crowd.add(1, to: stage.patient, .pour, .payload)
        }
        try crowd.run()
    }
}
