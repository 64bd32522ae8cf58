/// Clients that read slowly, and are not cut off as long as they read.
struct SlowRow: Row {
    let name = "read slowly"

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan([.init(256 << 10)])
        plan.sendBuffer = 16 << 10
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 125) { numbers in
            let crowd = stage.crowd(numbers, manner)
            try crowd.connect()
            crowd.speakAtOnce()
            try stage.finish(crowd)
        }
    }

    private func manner(_ number: Int) -> Manner {
        let speech = number.isMultiple(of: 2) ? 100 : 0
        return Manner(speech: speech, reading: .slowly(8 << 10, .milliseconds(2)), receiveBuffer: 16 << 10)
    }
}
