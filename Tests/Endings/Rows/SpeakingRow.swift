/// Clients that speak first, and are owed their greeting all the same: alone, 0 to 300 µs after they have connected, or many at once
/// while the server ends a batch of connections, at any moment of that.
struct SpeakingRow: Row {
    let speech: Int
    let crowd: Int
    /// How many connections the server ends in a batch: more than a crowd, or a part of it, which may end in another way.
    var quantum = 256

    /// One alone may find the server anywhere between its accept and its close.
    private static let longestWait = 300

    var name: String {
        let manner = crowd == 1 ? "alone" : quantum > crowd ? "\(crowd) at once" : "\(crowd) in batches of \(quantum)"
        return "speak \(speech.grouped) bytes, \(manner)"
    }

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan([.init(greeting)])
        plan.quantum = quantum
        return plan
    }

    func play(on stage: Stage) throws {
        if crowd == 1 { return try stage.inCrowds(of: 1) { try playAlone($0, on: stage) } }
        let length = try silentLength(on: stage)
        try stage.inCrowds(of: crowd) { numbers in
            let scale = Double.random(in: 0.1...1.2, using: &stage.randomness)
            let moments = numbers.map { _ in length * scale * Double.random(in: 0...1, using: &stage.randomness) }
            try playCrowd(numbers, speakingAt: moments, on: stage)
        }
    }

    private func playAlone(_ numbers: Range<Int>, on stage: Stage) throws {
        let crowd = stage.crowd(numbers, manner)
        try crowd.connect()
        crowd.speak(at: [.microseconds(Int.random(in: 0...Self.longestWait, using: &stage.randomness))])
        try stage.finish(crowd)
    }

    private func playCrowd(_ numbers: Range<Int>, speakingAt moments: [Duration], on stage: Stage) throws {
        let crowd = try stage.whilePaused {
            let crowd = stage.crowd(numbers, manner)
            try crowd.connect()
            return crowd
        }
        crowd.speak(at: moments)
        try stage.finish(crowd)
    }

    /// How long the server takes for a crowd here and now: the first one is silent, and comes before those that are counted on.
    private func silentLength(on stage: Stage) throws -> Duration {
        let crowd = try stage.whilePaused {
            let crowd = stage.crowd(0..<self.crowd) { _ in Manner() }
            try crowd.connect()
            return crowd
        }
        let start = ContinuousClock.now
        try stage.finish(crowd)
        return ContinuousClock.now - start
    }

    private func manner(_ number: Int) -> Manner {
        switch number % 4 {
        case 0: Manner(speech: speech, reading: .afterSpeech)
        case 1: Manner(speech: speech, endsItsSide: true, reading: .afterSpeech)
        default: Manner(speech: speech)
        }
    }
}
