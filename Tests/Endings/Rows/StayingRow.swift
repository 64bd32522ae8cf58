/// Clients that have spoken, read all that they are owed, and never end their side: the server hears them out for as long as its
/// limit says, resets them and counts each.
struct StayingRow: Row {
    let name = "speak and never end"
    let expires = true

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan([.init(greeting)])
        plan.closeTimeLimit = .milliseconds(200)
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 250) { numbers in
            // What they say is there before the server looks.
            let crowd = try stage.whilePaused {
                let crowd = stage.crowd(numbers) { _ in Manner(speech: 100, stays: true) }
                try crowd.connect()
                crowd.speakAtOnce()
                return crowd
            }
            try stage.finish(crowd)
        }
    }
}
