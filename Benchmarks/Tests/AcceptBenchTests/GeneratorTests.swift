// The clients, with a real server in this process: what became of every connection, exactly.

import Glibc
import NBServer
import Testing

@testable import Measuring
@testable import accept_bench

struct GeneratorTests {
    private let banner = LoadStream.Answer.exactly(Array(Work.bannerText.utf8))

    /// Has the clients run against a greeter, and then asks it how many it accepted.
    private func ledger(
        _ stream: (TargetAddress) -> LoadStream,
        threads: Int = 1
    ) throws -> (ConnectionLedger, accepted: Int) {
        let tally = AcceptTally()
        let server = try Server(Greeter(tally: tally), listening: [Endpoint("127.0.0.1:0")])
        try server.startBlocking()
        defer { server.stopBlocking() }
        let target = try TargetAddress("\(server.addresses[0])")
        let plan = LoadPlan(streams: [stream(target)], sources: .spread(for: target), seconds: 60)
        let result = try LoadRun.run(plan, threads: threads)
        server.stopBlocking()
        return (result.streams[0].ledger, Int(tally.accepted))
    }

    @Test(arguments: [1, 3]) func everyConnectionIsAnsweredAndCountedByBothSides(threads: Int) throws {
        let (ledger, accepted) = try ledger(
            { LoadStream(targets: [$0], answer: banner, pace: .closed(inFlight: 16), count: 1000) },
            threads: threads
        )
        #expect(ledger == ConnectionLedger(started: 1000, connected: 1000, answered: 1000))
        #expect(accepted == 1000)
    }

    @Test(arguments: [(10, 0), (9, 20), (11, 20)])
    func aConnectionAsksAsOftenAsItIsToAndIsThenEnded(exchanges: Int, wrong: Int) throws {
        let tally = AcceptTally()
        let server = try Server(LimitedResponder(tally: tally), listening: [Endpoint("127.0.0.1:0")])
        try server.startBlocking()
        defer { server.stopBlocking() }
        let target = try TargetAddress("\(server.addresses[0])")
        let answer = Array(String(repeating: Work.keptResponseText, count: exchanges).utf8)
        let stream = LoadStream(
            targets: [target],
            request: Work.limited.request,
            answer: .exactly(answer),
            pace: .closed(inFlight: 4),
            count: 20,
            exchanges: exchanges
        )
        // One that does not ask to the end is not ended by the server, and one that asks too often is ended too early, or reset.
        let patience = exchanges < Work.requestsOfAConnection ? 0.1 : 60
        let plan = LoadPlan(streams: [stream], sources: .spread(for: target), seconds: 60, patience: patience)
        let ledger = try LoadRun.run(plan).streams[0].ledger
        server.stopBlocking()
        #expect(ledger.answered == 20 - wrong)
        #expect(ledger.connected == 20)
        #expect(ledger.wrong + ledger.reset + ledger.timedOut == wrong)
        #expect(tally.accepted == 20)
    }

    @Test func anOpenLoopMakesAllThatWereDue() throws {
        let (ledger, accepted) = try ledger {
            LoadStream(targets: [$0], answer: banner, pace: .open(perSecond: 5000, atMost: 8), count: 500)
        }
        #expect(ledger == ConnectionLedger(started: 500, connected: 500, answered: 500))
        #expect(accepted == 500)
    }

    @Test func anotherAnswerIsAWrongOne() throws {
        for answer in [LoadStream.Answer.exactly(Array("No soup for me!\n".utf8)), .nothing] {
            let (ledger, accepted) = try ledger {
                LoadStream(targets: [$0], answer: answer, pace: .closed(inFlight: 4), count: 20)
            }
            #expect(ledger == ConnectionLedger(started: 20, connected: 20, wrong: 20))
            #expect(accepted == 20)
        }
    }

    @Test func whereNobodyListensAllAreRefused() throws {
        // At an address that is this process's: nobody else listens there meanwhile.
        let server = try Server(Greeter(tally: AcceptTally()), listening: [Endpoint("\(OwnHost.address):0")])
        let address = "\(server.addresses[0])"
        try server.startBlocking()
        server.stopBlocking()
        let stream = LoadStream(targets: [try TargetAddress(address)], pace: .closed(inFlight: 4), count: 20)
        let ledger = try LoadRun.run(LoadPlan(streams: [stream], sources: .kernels, seconds: 60)).streams[0].ledger
        #expect(ledger == ConnectionLedger(started: 20, refused: 20))
    }

    /// The result is of what there was until then, and what was on its way is no fault.
    @Test(arguments: [LoadStream.Pace.closed(inFlight: 8), .open(perSecond: 5000, atMost: 8)])
    func anInterruptedRunHasAResult(pace: LoadStream.Pace) throws {
        let tally = AcceptTally()
        let server = try Server(CountingGreeter(tally: tally), listening: [Endpoint("127.0.0.1:0")])
        try server.startBlocking()
        defer { server.stopBlocking() }
        let target = try TargetAddress("\(server.addresses[0])")
        let stream = LoadStream(targets: [target], answer: banner, pace: pace)
        var plan = LoadPlan(streams: [stream], sources: .spread(for: target), seconds: 60)
        plan.progress = { _ in if tally.accepted >= 100 { throw Interruption(signal: SIGINT) } }
        #expect(throws: Interruption.self) { try LoadRun.run(plan) }

        plan.reportsInterruption = true
        let result = try LoadRun.run(plan)
        let ledger = result.streams[0].ledger
        #expect(result.isInterrupted)
        #expect(ledger.started > 0)
        #expect(ledger.answered + ledger.cutOff == ledger.started)
        #expect(ledger.cutOff <= 8)
        #expect(ledger.timedOut == 0)
    }

    @Test func whatHappensOnceHappensOnceHoweverManyThreadsThereAre() throws {
        let calls = AcceptTally()
        let server = try Server(Greeter(tally: AcceptTally()), listening: [Endpoint("127.0.0.1:0")])
        try server.startBlocking()
        defer { server.stopBlocking() }
        let target = try TargetAddress("\(server.addresses[0])")
        var stream = LoadStream(targets: [target], answer: banner, pace: .closed(inFlight: 30), count: 30)
        stream.waitsUntilAllAreConnected = true
        var plan = LoadPlan(streams: [stream], sources: .spread(for: target), seconds: 60)
        plan.whenConnected = { _ in calls.note(calls.accepted + 1) }
        let ledger = try LoadRun.run(plan, threads: 3).streams[0].ledger
        #expect(ledger == ConnectionLedger(started: 30, connected: 30, answered: 30))
        #expect(calls.accepted == 1)
    }
}
