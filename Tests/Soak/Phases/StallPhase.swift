/// Clients that stop in the middle and never end: each is reset when its time is up, and counted as expired.
struct StallPhase: Phase {
    let name = "stall"

    func play(on stage: Stage) throws {
        var crowd = stage.makeCrowd()
        let readsHalf = Script(steps: [.connect, .greeting, .payload(16 << 10), .cutOff], outcome: .rude)
        let stays = Script(steps: [.connect, .say(500), .wait, .greeting, .end, .cutOff], outcome: .rude)
        try stage.whilePaused {
            crowd.add(50, to: stage.impatient, .greet, stays)
            try crowd.run()
        }
        crowd.goOn()
        crowd.add(20, to: stage.impatient, .pour, readsHalf)
        try crowd.run()
    }
}
