internal import Measuring

/// What a phase has to play with: the process with the servers, of which two stand all the time, and the phase's ledger.
final class Stage {
    let process: ServerProcess
    /// Gives clients a minute.
    let patient: Site
    /// Gives clients a second.
    let impatient: Site
    /// What the process has when no client is connected.
    let idle: Baseline
    let ledger: Ledger
    var randomness: Randomness

    init(_ process: ServerProcess, patient: Site, impatient: Site, idle: Baseline, _ randomness: Randomness) {
        self.process = process
        self.patient = patient
        self.impatient = impatient
        self.idle = idle
        self.randomness = randomness
        ledger = Ledger(randomness)
    }

    var sites: [Site] { [patient, impatient] }

    func makeCrowd() -> Crowd { Crowd(ledger) }

    /// Has one client ask for something, and waits until it was greeted.
    @discardableResult
    func ask(_ site: Site, for treatment: Treatment) throws -> Client {
        var crowd = makeCrowd()
        crowd.add(1, to: site, treatment, .greeting)
        try crowd.run()
        return crowd.clients[0]
    }

    /// Everything that a server has counted up to now, exactly: it says so itself, to a client.
    func counts(of site: Site) throws -> Counts {
        let client = try ask(site, for: .report)
        if case .failed(let reason) = client.outcome { throw Failure("\(site.name) does not report: \(reason)") }
        guard let counts = Counts(words: client.words) else { throw Failure("\(site.name) reports \(client.words)") }
        return counts
    }

    /// Holds the server's process for as long as that takes; a client that connects now has to wait.
    func whilePaused(_ body: () throws -> Void) throws {
        try process.pause()
        defer { process.resume() }
        try body()
    }

    /// Waits until the server's process has exactly so many connections open.
    func waitForConnections(_ connections: Int, _ what: String) throws {
        let count = idle.descriptorCount + connections
        let limit = ContinuousClock.now + .seconds(30)
        while try ProcessStatus(of: process.identifier).descriptors != count {
            try Interruption.check()
            guard limit > .now else {
                let present = try ProcessStatus(of: process.identifier).descriptors
                return ledger.report("\(what): the server has \(present) descriptors instead of \(count)")
            }
            pauseBriefly()
        }
    }
}
