// accept-bench load, a process of its own, and Ctrl-C.

import Glibc
import NBServer
import Testing

@testable import Measuring
@testable import accept_bench

struct LoadCommandTests {
    @Test(arguments: [(SIGINT, "1"), (SIGTERM, "1"), (SIGINT, "3")])
    func aSignalEndsItWithWhatWasMeasuredUntilThen(signal: Int32, threads: String) throws {
        let tally = AcceptTally()
        let server = try Server(CountingGreeter(tally: tally), listening: ["127.0.0.1:0"])
        try server.startBlocking()
        defer { server.stopBlocking() }
        let load = try ChildProcess(try command("\(server.addresses[0])") + ["--threads", threads])
        try waitUntil { tally.accepted >= 100 }
        try load.send(signal)
        #expect(ending(of: load) == "ended with exit status \(128 + signal)")
        let lines = load.printed.split(separator: "\n")
        #expect(lines.first == "INTERRUPTED: this is what was measured until then")
        #expect(lines.dropFirst().first?.contains(" connections to \(server.addresses[0]) in ") == true)
        #expect(load.printed.contains("every connection ended as it should"))
    }

    private func command(_ server: String) throws -> [String] {
        [try ProgramPath.besideThisOne("accept-bench"), "load", server, "--seconds", "600", "--work", "banner"]
    }

    private func ending(of process: ChildProcess) -> String {
        do {
            try process.waitUntilSuccessful()
            return "ended well"
        } catch {
            return String("\(error)".prefix { $0 != "\n" })
        }
    }

    private func waitUntil(_ isTrue: () -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !isTrue() {
            guard ContinuousClock.now < deadline else { throw Failure("this does not happen") }
            usleep(1000)
        }
    }
}
