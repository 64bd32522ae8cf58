// --external: a name, a command, and where the port goes; and where one that is not ours can take part.

import Testing

@testable import Measuring
@testable import accept_bench

struct ExternalContenderTests {
    @Test func theNameEndsAtTheFirstEqualsSign() throws {
        let contender = try Contender(external: "my server=PATH=/x run --port={port} --admin={port}")
        #expect(contender.name == "my server")
        #expect(contender.isExternal)
        var options = ServeOptions()
        options.port = 12_345
        #expect(try contender.command(options) == ["sh", "-c", "exec PATH=/x run --port=12345 --admin=12345"])
    }

    @Test func itIsToldTheRequestsOfAConnectionAndTheShardsIfItAsks() throws {
        let contender = try Contender(external: "x=x {port} {requests} {shards}")
        var options = ServeOptions()
        (options.port, options.shards, options.work) = (80, 4, .limited)
        #expect(try contender.command(options) == ["sh", "-c", "exec x 80 10 4"])
        options.work = .turnaround
        #expect(try contender.command(options) == ["sh", "-c", "exec x 80 1 4"])
        #expect(Limited().objection(to: contender) == nil)
        #expect(contender.reasonNotToBeShards == nil)
        #expect(try Contender(external: "x=x {port}").reasonNotToBeShards == "it is not told {shards}")
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40), ("HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n", 39),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", nil),
            ("HTTP/1.1 200 OK\r\n\r\nContent-Length: 2\r\n\r\n", nil),
        ] as [(String, Int?)]
    )
    func howLongAnAnswerIsStandsInItsHead(bytes: String, length: Int?) {
        #expect(AnswerProbe.length(ofAnswerThatBegins: Array(bytes.utf8)) == length)
    }

    @Test func oursIsToldItsShardsAndWhatItAsks() throws {
        var options = ServeOptions()
        #expect(!(try Contender.ours.command(options).contains("--shards")))
        options.shards = 2
        for contender in Contender.admissions {
            let command = try contender.command(options)
            #expect(command.suffix(4) == ["--shards", "2", "--admission", contender.admission?.rawValue])
        }
        let shared = Contender.names.filter { Contender.named($0)?.reasonNotToBeShards == nil }
        #expect(
            Set(Contender.names).subtracting(shared) == [
                "ours, embedded", "ours, from C", "nio", "nio, a listener a loop", "nio, behind ours",
            ]
        )
    }

    @Test(arguments: [
        "", "nginx", "=nginx {port}", "nginx=", "nginx=nginx -p 80", "ring=x {port}", "finishing=x {port}",
    ])
    func whatCannotBeStartedOrToldApartIsRefused(text: String) {
        #expect(throws: Failure.self) { try Contender(external: text) }
    }

    @Test func itTakesPartWhereItCan() throws {
        var asked = try Contender(external: "x=x {port}")
        #expect(Storm().objection(to: asked) == "it speaks only when it is asked")
        #expect(Backlog().objection(to: asked) != nil)
        #expect(Turnaround().objection(to: asked) == nil)
        #expect(Limited().objection(to: asked) != nil)
        #expect(Neighbor().objection(to: asked) != nil)
        #expect(Hold().objection(to: asked) != nil)
        #expect(Calls(callInterval: 1).objection(to: asked) != nil)
        asked.speaksFirst = true
        #expect(Storm().objection(to: asked) == nil)
        #expect(Backlog().objection(to: asked) == nil)
        #expect(Rate(perSecond: 1).objection(to: asked) == nil)
        #expect(Turnaround().objection(to: asked) == "it speaks first")
    }

    @Test func whoeverIsOursTakesPartInAllButWhatItCannot() {
        for contender in Contender.names.compactMap({ Contender.named($0) }) {
            for scenario in ScenarioList.all(listeners: [1, 500], rates: [100], callInterval: 1) {
                let cannot =
                    ["blocking", "ours, from C"].contains(contender.name) && scenario.name == "call"
                    || contender.isFinishing && scenario.name == "hold"
                #expect((scenario.objection(to: contender) == nil) == !cannot)
            }
        }
    }
}
