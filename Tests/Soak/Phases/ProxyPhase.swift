/// A faulty network between the clients and the server.
struct ProxyPhase: Phase {
    let name = "faulty proxy"

    func play(on stage: Stage) throws {
        try play(.echo, .echo, 120, on: stage)
        try play(.pour, .payload, 25, on: stage)
    }

    private func play(_ treatment: Treatment, _ script: Script, _ count: Int, on stage: Stage) throws {
        let cases = Fate.cases(for: treatment)
        let fates = (0..<count).map { cases[$0 % cases.count] }.shuffled(using: &stage.randomness)
        let proxy = try Proxy()
        let relaying = try proxy.relay(to: stage.patient.port(treatment), fates)
        var crowd = stage.makeCrowd()
        crowd.add(count, to: proxy.port, Door(site: "the proxy", treatment: treatment), script.risking(.cut))
        try crowd.run()
        relaying.join()

        stage.ledger.noteRelayed(proxy.fates.count, to: Door(site: stage.patient.name, treatment: treatment))
        stage.ledger.expect(["clients": count], equals: ["relayed to the server": proxy.fates.count])
        for client in crowd.clients {
            guard let fate = proxy.fates[client.localPort] else { continue }
            let isWhole = client.outcome == script.outcome
            guard isWhole != fate.spares(treatment) else { continue }
            let outcome = client.outcome.map { "\($0)" } ?? "without an end"
            stage.ledger.report("a client of \(treatment) whose connection is \(fate) is \(outcome)")
        }
    }
}
