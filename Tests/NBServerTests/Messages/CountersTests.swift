import Glibc
import GrantedLevels
import Testing

import struct Foundation.Data
import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

@testable import NBServer

/// What is counted, said and coded of a server.
@Suite struct CountersTests {
    private struct Echo: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(bytes)
        }
    }

    private struct EchoServer: NonBlockingServer {
        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
    }

    @Test(arguments: EngineChoice.granted)
    func bytesAndEndsAreCountedExactly(on engine: EngineChoice) async throws {
        let options = ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
        let server = try Server(EchoServer(), listening: "127.0.0.1:0", options: options)
        try await server.start()
        let clients = try (0..<5).map { _ in try Client(server.addresses[0]) }
        let text = String(repeating: "x", count: 100_000)
        for client in clients[1...] { try client.send("four") }
        clients[0].writeInBackground(text.utf8.count)
        for client in clients[1..<4] { client.finish() }
        #expect(try clients[0].read(text.utf8.count).utf8.count == text.utf8.count)
        clients[0].finish()
        for client in clients[1..<4] { #expect(try client.readToEnd() == .end("four")) }
        #expect(try clients[0].readToEnd() == .end(""))
        #expect(try clients[4].read(4) == "four")
        while try await server.status().counters.open > 1 {}
        let counters = try await server.status().counters
        #expect(counters.bytesReceived == 100_016 && counters.bytesSent == 100_016)
        #expect(counters.delivered == 5 && counters.ended == 4 && counters.open == 1)
        #expect(counters.accepted == 5)
        await server.stop()
        withExtendedLifetime(clients) {}
    }

    @Test func failedAcceptsAreCountedByTheirErrors() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let steps: [FakeKernel.Step] = [ECONNABORTED, EPROTO, ECONNABORTED, 4711].map { errno in
            { try $0.failAccept(errno, on: listener) }
        }
        try server.run({ _, _, _ in .continue }, script: steps)
        let counters = server.journal.counters
        #expect(counters.acceptFailuresByError == ["ECONNABORTED": 2, "EPROTO": 1, "errno 4711": 1])
        #expect(counters.acceptFailures == 4)
    }

    /// Every error that an accept may fail with has its name.
    @Test func errorsHaveTheirNames() {
        #expect(AcceptFailure.name(ofErrno: EMFILE) == "EMFILE")
        #expect(AcceptFailure.name(ofErrno: EINVAL) == "EINVAL")
        #expect(AcceptFailure.name(ofErrno: 4711) == "errno 4711")
    }

    /// A count that is forgotten where counts are added or said is one that this test does not see either, so it counts fields.
    @Test func everyCountIsAddedAndSaid() throws {
        var one = ServerCounters()
        let paths: [WritableKeyPath<ServerCounters, UInt64>] = [
            \.delivered, \.adopted, \.toldLastWord, \.waiting, \.open, \.failed, \.expired, \.bytesReceived,
            \.bytesSent, \.armed, \.messages,
            \.refusedMessages,
        ]
        let pathsByReason: [WritableKeyPath<ServerCounters, AdmissionCounts>] = [
            \.discardedByReason, \.waitedByReason, \.parkedByReason,
        ]
        #expect(Mirror(reflecting: one).children.count == paths.count + pathsByReason.count + 1)
        for (index, path) in pathsByReason.enumerated() {
            for (place, reason) in AdmissionReason.allCases.enumerated() {
                one[keyPath: path][reason] = UInt64(100 * (index + 1) + place)
            }
        }
        for (index, path) in paths.enumerated() { one[keyPath: path] = UInt64(1000 + index) }
        one.acceptFailuresByError = ["EMFILE": 3]
        var sum = one
        sum.add(one)
        for (index, path) in paths.enumerated() { #expect(sum[keyPath: path] == UInt64(2 * (1000 + index))) }
        #expect(sum.acceptFailuresByError == ["EMFILE": 6])
        for (index, path) in pathsByReason.enumerated() {
            for (place, reason) in AdmissionReason.allCases.enumerated() {
                #expect(sum[keyPath: path][reason] == UInt64(2 * (100 * (index + 1) + place)))
                #expect("\(one)".contains("\(100 * (index + 1) + place) \(reason)"))
            }
        }
        #expect(one.discarded == 17 * 100 + 16 * 17 / 2)
        for index in paths.indices { #expect("\(one)".contains("\(1000 + index) ")) }
        #expect("\(one)".hasSuffix(", 3 accepts failed with EMFILE"))
        #expect("\(ServerCounters())" == "nothing yet")
        let read = try JSONDecoder().decode(ServerCounters.self, from: JSONEncoder().encode(one))
        #expect(read == one)
    }

    /// Each reason has a place of its own, its name is what is coded, and what is not counted is not coded.
    @Test func countsByReasonAreCodedByName() throws {
        #expect(AdmissionReason.allCases.map(\.index) == Array(0..<17))
        var counts = AdmissionCounts()
        counts[.denied] = 3
        counts[.openPerSource] = 1
        #expect(counts.total == 4)
        #expect("\(counts)" == "1 openPerSource, 3 denied")
        let read = try JSONDecoder().decode([String: UInt64].self, from: JSONEncoder().encode(counts))
        #expect(read == ["denied": 3, "openPerSource": 1])
        var other = counts
        other[.gone] = 1
        #expect(other != counts && Set([counts, other, counts]).count == 2)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(AdmissionCounts.self, from: Data(#"{"weather":1}"#.utf8))
        }
    }

    @Test func aStatusIsSaidInALineAndCoded() async throws {
        try await Clerk().serve(listening: ["127.0.0.1:0"]) { server in
            _ = try Client(server.addresses[0]).readToEnd()
            let status = try await server.status()
            #expect(!"\(status)".contains("\n"))
            #expect("\(status)".contains("\(server.addresses[0]) accepting"))
            #expect("\(status)".contains("1 accepted, 1 delivered"))
            let read = try JSONDecoder().decode(ServerStatus.self, from: JSONEncoder().encode(status))
            #expect(read == status)
            let group = GroupStatus(shards: [status, status])
            #expect(group.counters.delivered == 2 * status.counters.delivered)
            #expect(try JSONDecoder().decode(GroupStatus.self, from: JSONEncoder().encode(group)) == group)
        }
    }

    /// Each activity, with its cause.
    @Test func activitiesAreSaidAndCoded() throws {
        let cause = ServerError.accept(EMFILE, address: "127.0.0.1:80")
        let id = ListenerID(server: 1, key: ListenerKey(index: 2))
        let activities: [ListenerStatus.Activity] = [
            .accepting, .parked(cause: cause), .atLimit(.rate), .paused, .closing,
        ]
        let listeners = try activities.map { ListenerStatus(id: id, address: try "127.0.0.1:80".address, activity: $0) }
        #expect(try JSONDecoder().decode([ListenerStatus].self, from: JSONEncoder().encode(listeners)) == listeners)
        let words = ["accepting", "parked: \(cause)", "at a limit: rate", "paused", "closing"].map {
            "127.0.0.1:80 \($0)"
        }
        #expect(listeners.map(\.description) == words)
    }

    /// A report of an engine whose kernel is no version is an error, not a trap.
    @Test func aReportThatCannotBeIsAnError() throws {
        let report =
            #"{"kind":"ring","kernel":[6],"quantum":1,"acceptsMultishot":true,"receives":true,"#
            + #""receivesMultishot":true,"sendsAtOnce":true,"details":[],"reasons":[]}"#
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(EngineReport.self, from: Data(report.utf8))
        }
        let right = report.replacing("[6]", with: "[6,1]")
        #expect(try JSONDecoder().decode(EngineReport.self, from: Data(right.utf8)).kernel == KernelVersion(6, 1))
    }
}

extension String {
    fileprivate var address: SocketAddress {
        get throws { try SocketAddress(self) }
    }
}
