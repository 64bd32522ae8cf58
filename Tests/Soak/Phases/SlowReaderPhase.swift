/// Clients that take a long answer in small pieces, while others are served.
struct SlowReaderPhase: Phase {
    let name = "slow reader"

    func play(on stage: Stage) throws {
        var crowd = stage.makeCrowd()
        let pieces = (0..<16).flatMap { _ in [Step.pause(.milliseconds(20)), .payload(Payload.bytes.count / 16)] }
        crowd.add(24, to: stage.patient, .pour, Script(steps: [.connect, .greeting] + pieces + [.end]))
        for _ in 0..<10 {
            crowd.add(20, to: stage.patient, .greet, .greeting)
            let served = crowd.clients.count
            try crowd.run { crowd.clients.count { $0.outcome != nil } >= served - 24 }
        }
        try crowd.run()
    }
}
