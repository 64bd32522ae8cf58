/// Clients that never read a greeting that is too long for both ends' buffers: the server's time limit ends each with a reset, and counts it.
struct DeafRow: Row {
    let name = "never read"
    let expires = true

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan([.init(256 << 10)])
        plan.sendBuffer = 16 << 10
        plan.closeTimeLimit = .milliseconds(200)
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 250) { numbers in
            let crowd = stage.crowd(numbers) { _ in Manner(reading: .never, receiveBuffer: 16 << 10) }
            try stage.finish(crowd)
        }
    }
}
