/// Servers that come, and are stopped while clients arrive: each of these is served whole, reset or refused.
struct RestartPhase: Phase {
    let name = "restart"

    func play(on stage: Stage) throws {
        for round in 0..<4 { try play("brief\(round)", on: stage) }
    }

    private func play(_ name: String, on stage: Stage) throws {
        let site = try stage.process.bind(name, closeTimeLimit: .seconds(30))
        try stage.process.run(site)
        var crowd = stage.makeCrowd()
        arrive(&crowd, at: site)
        let enough = Int.random(in: 1...300, using: &stage.randomness)
        try crowd.run { crowd.clients.count { $0.isGreeted || $0.outcome != nil } >= enough }
        arrive(&crowd, at: site)
        try stage.process.beginStopping(site)
        arrive(&crowd, at: site)
        try crowd.run { stage.process.hasAnswer }
        let counts = try stage.process.finishStopping()
        try crowd.runUntilQuiet()
        try knock(crowd, stage.ledger)
        balance(site, counts, stage.ledger)
    }

    /// A listener that closes in the middle of a handshake drops it without a word: the client believes itself connected,
    /// until it says something. The kernel counts these.
    private func knock(_ crowd: Crowd, _ ledger: Ledger) throws {
        let unheard = crowd.clients.filter { $0.outcome == nil && $0.isEstablished && !$0.hasHeard }
        for client in unheard { client.knock() }
        ledger.droppedHandshakes += unheard.count
        try crowd.run()
    }

    private func arrive(_ crowd: inout Crowd, at site: Site) {
        for _ in 0..<10 {
            crowd.add(20, to: site, .greet, Script.greeting.risking(.stop))
            crowd.add(5, to: site, .echo, Script.echo.risking(.stop))
            // These are held until the server stops.
            crowd.add(5, to: site, .hold, Script.greeting.risking(.stop))
        }
        crowd.add(2, to: site, .pour, Script.payload.risking(.stop))
    }

    /// A client that was reset was discarded by the server, or had not been accepted when the listener closed; only the
    /// kernel knows which.
    private func balance(_ site: Site, _ counts: Counts, _ ledger: Ledger) {
        let turnedAway = ledger.count(.turnedAway, at: site.name)
        ledger.expect(
            ["greeted": ledger.count(.greeted, at: site.name), "echoed": ledger.count(.echoed, at: site.name)],
            equals: ["delivered": counts[.delivered]]
        )
        ledger.expect(["delivered": counts[.delivered]], equals: ["callbacks": counts.callbacks])
        ledger.expect(["discarded": counts[.discarded]], isAtMost: ["reset": turnedAway])
        ledger.expect(
            ["established": ledger.established(at: site.name)],
            equals: ["delivered": counts[.delivered], "reset": turnedAway]
        )
        ledger.noteEnd(of: counts)
    }
}
