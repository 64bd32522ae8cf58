/// A server that finds a queue and stops by itself in the middle of it: the completion queue holds all of them, so those
/// it does not deliver, it discards, and it counts each.
struct QueueStopPhase: Phase {
    let name = "stop with a queue"

    private static let clients = 1_500
    private static let delivered = 500

    func play(on stage: Stage) throws {
        let site = try stage.process.bind(
            "queue",
            closeTimeLimit: .seconds(30),
            completionDepth: 4_096,
            stopsAfter: Self.delivered
        )
        var crowd = stage.makeCrowd()
        crowd.add(Self.clients, to: site, .greet, Script.greeting.risking(.stop))
        try crowd.run { crowd.clients.allSatisfy(\.isEstablished) }
        try stage.process.run(site)
        try crowd.run()
        try stage.process.beginStopping(site)
        let counts = try stage.process.finishStopping()

        let ledger = stage.ledger
        ledger.expect(["delivered": counts[.delivered]], equals: ["before the stop": Self.delivered])
        ledger.expect(["greeted": ledger.count(.greeted, at: site.name)], equals: ["delivered": counts[.delivered]])
        ledger.expect(["reset": ledger.count(.turnedAway, at: site.name)], equals: ["discarded": counts[.discarded]])
        ledger.expect(
            ["established": ledger.established(at: site.name)],
            equals: ["delivered": counts[.delivered], "discarded": counts[.discarded]]
        )
        ledger.noteEnd(of: counts)
    }
}
