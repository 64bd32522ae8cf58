/// Clients that reset the connection in the middle of a greeting that is too long for the kernel to take it at once.
struct LeavingRow: Row {
    let name = "reset in the middle"

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan([.init(1 << 20)])
        plan.sendBuffer = 64 << 10
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 50) { numbers in
            let crowd = stage.crowd(numbers) { number in
                let part = 1 << Int.random(in: 0...19, using: &stage.randomness)
                return Manner(speech: number.isMultiple(of: 2) ? 100 : 0, reading: .part(part), receiveBuffer: 16 << 10)
            }
            try crowd.connect()
            crowd.speakAtOnce()
            try stage.finish(crowd)
        }
    }
}
