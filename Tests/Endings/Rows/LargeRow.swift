/// Greetings that do not fit into what the kernel takes at once. Every other client speaks as well.
struct LargeRow: Row {
    let name: String
    private let sizes: [Int]
    private let manner: Manner
    private let sendBuffer: Int

    init(name: String, sizes: [Int], _ manner: Manner, sendBuffer: Int = 0) {
        self.name = name
        self.sizes = sizes
        self.manner = manner
        self.sendBuffer = sendBuffer
    }

    func plan(greeting: Int) -> ServerPlan {
        var plan = ServerPlan(sizes.map { .init($0) })
        plan.sendBuffer = sendBuffer
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 2 * sizes.count) { numbers in
            let crowd = try stage.whilePaused {
                let crowd = stage.crowd(numbers, manner)
                try crowd.connect()
                return crowd
            }
            crowd.speakAtOnce()
            try stage.finish(crowd)
        }
    }

    /// Of two crowds in a row, who speaks changes: each size has both.
    private func manner(_ number: Int) -> Manner {
        var manner = manner
        if (number + number / sizes.count).isMultiple(of: 2) { manner.speech = 100 }
        return manner
    }
}
