// TargetChoice: of a name's addresses, the one that answers.

import Glibc
import NBServer
import Testing

@testable import Measuring
@testable import accept_bench

struct TargetChoiceTests {
    private let choice = TargetChoice(spreads: false, patience: 5)

    @Test func theFirstAddressThatTakesAConnectionIsTaken() throws {
        let server = try Server(Greeter(tally: AcceptTally()), listening: ["127.0.0.1:0"])
        try server.startBlocking()
        defer { server.stopBlocking() }
        // No other process listens at this process's own address.
        let silent = try TargetAddress("\(OwnHost.address):\(server.addresses[0].port)")
        let answering = try TargetAddress("\(server.addresses[0])")
        #expect(try choice.answering([silent, answering]).description == answering.description)
        #expect(try choice.answering([answering, silent]).description == answering.description)
        let failure = #expect(throws: Failure.self) { try choice.answering([silent, silent]) }
        #expect(failure?.description == "\(silent): Connection refused; \(silent): Connection refused")
    }

    @Test func anOnlyAddressIsNotAsked() throws {
        let tally = AcceptTally()
        let server = try Server(Greeter(tally: tally), listening: ["127.0.0.1:0"])
        try server.startBlocking()
        let address = "\(server.addresses[0])"
        #expect(try choice.targets([address, address]).map(\.description) == [address, address])
        server.stopBlocking()
        #expect(tally.accepted == 0)
    }

    @Test func sourcesAndServersAreOfOneFamily() throws {
        #expect(throws: Failure.self) { try choice.targets(["127.0.0.1:80", "[::1]:80"]) }
        let spreading = TargetChoice(spreads: true, patience: 5)
        #expect(throws: Failure.self) { try spreading.targets(["[::1]:80"]) }
        #expect(throws: Failure.self) { try spreading.targets(["192.0.2.1:80"]) }
        #expect(try spreading.targets(["127.0.0.1:80"]).map(\.family) == [AF_INET])
        #expect(SourceAddresses.spread(for: try choice.targets(["127.0.0.1:80", "192.0.2.1:80"])).count == 0)
    }
}
