// What a contender prints: where it listens, in whole lines only, and its account at the end.

import Testing

@testable import Measuring
@testable import accept_bench

struct ContenderOutputTests {
    @Test func aLineThatIsNotAllThereYetIsNotRead() {
        let whole = "listening on 127.0.0.1:7777\nlistening on 127.0.0.1:7778\n"
        #expect(ContenderProcess.announced(in: whole) == ["127.0.0.1:7777", "127.0.0.1:7778"])
        #expect(ContenderProcess.announced(in: String(whole.dropLast())) == ["127.0.0.1:7777"])
        #expect(ContenderProcess.announced(in: String(whole.dropLast(2))) == ["127.0.0.1:7777"])
        #expect(ContenderProcess.announced(in: "") == [])
        #expect(ContenderProcess.announced(in: "a warning\nlistening on 127.0.0.1:7777\n") == ["127.0.0.1:7777"])
    }

    @Test func theAccountAndTheCalls() throws {
        let report = try ContenderReport("listening on 127.0.0.1:7777\ncall 5000\ncall 7000\naccepted 42\n")
        #expect(report.accepted == 42)
        #expect(report.calls.count == 2)
    }

    @Test func withoutAnAccountThereIsNoReport() {
        #expect(throws: Failure.self) { try ContenderReport("call 5000\naccepted\naccepted many\n") }
    }
}
