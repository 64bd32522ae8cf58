/// Clients without manners: they speak first, end their side at once, leave in the middle, or are refused.
struct RudePhase: Phase {
    let name = "rude"

    func play(on stage: Stage) throws {
        var early = stage.makeCrowd()
        // Their words are there before the server looks, so they are owed a clean end.
        try stage.whilePaused {
            early.add(200, to: stage.patient, .greet, Script(steps: [.connect, .say(500), .wait, .greeting, .end]))
            early.add(
                100,
                to: stage.patient,
                .greet,
                Script(steps: [.connect, .say(500), .wait, .greeting, .end, .halfClose])
            )
            early.add(200, to: stage.patient, .greet, Script(steps: [.connect, .halfClose, .wait, .greeting, .end]))
            try early.run()
        }
        early.goOn()
        var crowd = stage.makeCrowd()
        crowd.add(20, to: stage.patient, .pour, leavingInTheMiddle)
        for _ in 0..<10 {
            crowd.add(20, to: stage.patient, .greet, speakingAndLeaving)
            crowd.add(10, to: stage.patient, .greet, speaking)
            crowd.add(10, to: stage.patient, .echo, leavingTheEcho)
            crowd.add(10, to: stage.patient, .fail, .failure)
            crowd.add(10, to: stage.patient, .reset, .reset)
        }
        try crowd.run()
        try early.run()
    }

    private var speaking: Script { Script(steps: [.connect, .say(300), .greeting, .end]) }

    private var speakingAndLeaving: Script {
        Script(steps: [.connect, .say(300), .reset], outcome: .rude).risking(.cut)
    }

    private var leavingInTheMiddle: Script {
        Script(steps: [.connect, .greeting, .payload(32 << 10), .reset], outcome: .rude)
    }

    private var leavingTheEcho: Script { Script(steps: [.connect, .greeting, .reset], outcome: .rude) }
}
