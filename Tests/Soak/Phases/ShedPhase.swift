/// A server that is to reset its clients when descriptors run out: those connected stay, each of the others hears at once that
/// it is not wanted, and when there is room again clients are served as before.
struct ShedPhase: Phase {
    let name = "shed"

    private static let unwanted = 500

    func play(on stage: Stage) throws {
        let site = try stage.process.bind("shedding", closeTimeLimit: .seconds(30), sheds: true)
        try stage.process.run(site)
        var staying = stage.makeCrowd()
        staying.add(10, to: site, .hold, .greeting)
        try staying.run { staying.clients.allSatisfy(\.isGreeted) }

        try stage.process.takeDescriptors(but: 0)
        var unwanted = stage.makeCrowd()
        unwanted.add(Self.unwanted, to: site, .greet, .reset)
        try unwanted.run()
        try stage.process.returnDescriptors()
        var welcome = stage.makeCrowd()
        welcome.add(100, to: site, .greet, .greeting)
        try welcome.run()
        try stage.process.beginStopping(site)
        let counts = try stage.process.finishStopping()
        try staying.run()
        balance(site, counts, stage.ledger)
    }

    private func balance(_ site: Site, _ counts: Counts, _ ledger: Ledger) {
        ledger.expect(["shed": counts[.shed]], equals: ["clients without room": Self.unwanted])
        ledger.expect(["discarded": counts[.discarded]], equals: ["shed": counts[.shed]])
        ledger.expect(["turned away": ledger.count(.turnedAway, at: site.name)], equals: ["shed": counts[.shed]])
        ledger.expect(["greeted": ledger.count(.greeted, at: site.name)], equals: ["delivered": counts[.delivered]])
        ledger.expect(["began to shed": counts[.sheddings]], equals: ["recovered": counts[.recoveries]])
        ledger.noteEnd(of: counts)
    }
}
