/// What everybody has counted up to a moment: the servers, the echo and the kernel. Between two of them lies a phase, and
/// what it has added must agree with its ledger, to the last connection.
struct Audit {
    private let sites: [String: Counts]
    private let echo: EchoCounts
    private let network: NetworkStatistics

    /// Asks everybody. The servers must be idle; the question itself is a connection each, and counted.
    init(_ stage: Stage) throws {
        var sites: [String: Counts] = [:]
        for site in stage.sites { sites[site.name] = try stage.counts(of: site) }
        self.sites = sites
        echo = try stage.process.echoCounts()
        network = try .now()
    }

    private func counts(of site: Site) -> Counts { sites[site.name] ?? Counts() }

    private var lastSerial: Int { sites.values.map { $0[.lastSerial] }.max() ?? 0 }

    /// Compares what has been added since then with what the clients know.
    func check(since before: Audit, _ stage: Stage) {
        stage.ledger.checkClients(serials: before.lastSerial + 1..<lastSerial + 1)
        checkNetwork(network - before.network, stage.ledger)
        let added = stage.sites.map { ($0, counts(of: $0) - before.counts(of: $0)) }
        let lost = (network - before.network).embryonicResets
        checkSum(added, lost, stage.ledger)
        for (site, counts) in added {
            checkCallbacks(site, counts, stage.ledger)
            // A connection the listener never had is missing from one treatment or another.
            if lost == 0 { checkTreatments(site, counts, stage.ledger) }
            checkListeners(site, counts, stage.ledger)
        }
        checkEnds(counts(of: stage.patient) - before.counts(of: stage.patient), stage)
        checkExpiry(added, stage)
        checkEcho(echo - before.echo, added.map(\.1) + stage.ledger.ended, stage.ledger)
    }

    /// A queue that overflowed has lost connections before any server could know of them: then nothing can be said.
    private func checkNetwork(_ network: NetworkStatistics, _ ledger: Ledger) {
        ledger.expect(["ListenOverflows": network.overflows], equals: ["expected": 0])
        ledger.expect(
            ["ListenDrops": network.drops],
            equals: ["handshakes dropped by listeners that closed": ledger.droppedHandshakes]
        )
    }

    private func checkSum(_ added: [(Site, Counts)], _ lost: Int, _ ledger: Ledger) {
        ledger.expect(
            ["established": added.reduce(0) { $0 + ledger.established(at: $1.0.name) }],
            equals: [
                "delivered": added.reduce(0) { $0 + $1.1[.delivered] },
                "discarded": added.reduce(0) { $0 + $1.1[.discarded] },
                "reset within the handshake": lost,
            ]
        )
    }

    private func checkCallbacks(_ site: Site, _ counts: Counts, _ ledger: Ledger) {
        ledger.expect(
            ["delivered as \(site.name) counted": counts[.delivered]],
            equals: ["callbacks": counts.callbacks]
        )
        ledger.expect(["discarded while \(site.name) was running": counts[.discarded]], equals: ["expected": 0])
        ledger.expect(["failed": counts[.failed]], equals: ["callbacks that threw": counts[.fail]])
    }

    private func checkTreatments(_ site: Site, _ counts: Counts, _ ledger: Ledger) {
        for treatment in Treatment.allCases {
            let door = Door(site: site.name, treatment: treatment)
            ledger.expect(
                ["established for \(door)": ledger.established(at: door)],
                equals: ["callbacks": counts[treatment]]
            )
        }
    }

    private func checkListeners(_ site: Site, _ counts: Counts, _ ledger: Ledger) {
        ledger.expect(["refused by \(site.name)": ledger.count(.refused, at: site.name)], equals: ["expected": 0])
        ledger.expect(["listeners parked": counts[.parks]], equals: ["recovered": counts[.recoveries]])
        ledger.expect(["listeners down": counts[.downs]], equals: ["expected": 0])
    }

    private func checkEnds(_ counts: Counts, _ stage: Stage) {
        stage.ledger.expect(["more connections held than before": counts[.held]], equals: ["expected": 0])
        stage.ledger.expect(
            ["held connections found gone": counts[.gone]],
            equals: ["that left": stage.ledger.goneCount]
        )
    }

    /// Only where clients are given little time, and there exactly those who take more.
    private func checkExpiry(_ added: [(Site, Counts)], _ stage: Stage) {
        for (site, counts) in added {
            let expected = site.name == stage.impatient.name ? stage.ledger.count(.rude, at: site.name) : 0
            stage.ledger.expect(["expired at \(site.name)": counts[.expired]], equals: ["that stalled": expected])
        }
    }

    private func checkEcho(_ echo: EchoCounts, _ servers: [Counts], _ ledger: Ledger) {
        let released = servers.reduce(0) { $0 + $1[.echo] }
        let handedOver = servers.reduce(0) { $0 + $1[.handedOver] }
        let letGo = servers.reduce(0) { $0 + $1[.letGo] }
        let rude = ledger.clients.count { $0.outcome == .rude && $0.door.treatment == .echo }
        ledger.expect(["released": released], equals: ["handed over": handedOver, "let go": letGo])
        ledger.expect(["let go": letGo], isAtMost: ["rude clients of the echo": rude])
        ledger.expect(["handed over": handedOver], equals: ["echoed": echo.echoed, "abandoned": echo.abandoned])
        ledger.expect(["clients echoed": ledger.count(.echoed)], equals: ["echoed": echo.echoed])
    }
}
