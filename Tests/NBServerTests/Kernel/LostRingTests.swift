import Glibc
import NBEngine
import Testing

@testable import NBServer
@testable import NBUring

/// A ring that fails for good. The descriptor of a ring of the lowest level is not registered, so its number can be given to
/// another file; in a process of its own, since the number must not be another test's by then.
@Suite struct LostRingTests {
    @Test func theClosesOfAFullQueueAreKnown() async {
        await #expect(processExitsWith: .success) {
            var engine = try LostRingTests.engine()
            let closes = (1_000_000..<1_000_020).map { Int32($0) }
            try LostRingTests.loseRing()
            for descriptor in closes {
                engine.submit(.close(descriptor: descriptor), token: Token(.close, slot: 0), silently: true)
            }
            let hasUnsubmitted = engine.hasUnsubmitted
            #expect(hasUnsubmitted)
            LostRingTests.expectFailure(of: &engine)
            let known = engine.abandon()
            #expect(known == closes)
        }
    }

    /// A receive that is in flight when the ring fails may go on when the ring is gone.
    @Test func theReceiveBuffersStayWhereTheyAre() async {
        await #expect(processExitsWith: .success) {
            for isLost in [false, true] {
                var engine = try LostRingTests.engine()
                let error = engine.openReceiveBuffers()
                #expect(error == 0)
                #expect(LostRingTests.bufferMappings == 1)
                if isLost {
                    try LostRingTests.loseRing()
                    LostRingTests.expectFailure(of: &engine)
                    _ = engine.abandon()
                }
                _ = consume engine
                #expect(LostRingTests.bufferMappings == (isLost ? 1 : 0))
            }
        }
    }

    private static let pageSize = 4096
    private static let bufferSize = 1234 * pageSize

    private static func engine() throws -> RingEngine {
        let options = RingOptions(submissionDepth: 4, completionDepth: 8, highestLevel: .linux5_11)
        return try RingEngine(options, receiveBufferCount: 1, receiveBufferSize: bufferSize)
    }

    /// Gives the ring's number to a file that is no ring.
    private static func loseRing() throws {
        let number = (3..<100).first { descriptor in
            var name = [CChar](repeating: 0, count: 64)
            let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count)
            let link = name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
            return String(decoding: link, as: UTF8.self).contains("[io_uring]")
        }
        let file = open("/dev/null", O_RDONLY)
        #expect(dup2(file, Int32(try #require(number))) >= 0)
        close(file)
    }

    private static func expectFailure(of engine: inout RingEngine) {
        do {
            try engine.enter(until: .now)
            Issue.record("the ring is not lost")
        } catch {
            #expect(error.errno == EOPNOTSUPP)
        }
    }

    /// How many mappings are as large as the receive buffers: a page that tells the kernel of them, and the buffers.
    private static var bufferMappings: Int {
        guard let file = fopen("/proc/self/maps", "r") else { return 0 }
        defer { fclose(file) }
        var count = 0
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let ends = text.prefix { $0 != " " }.split(separator: "-").compactMap { Int($0, radix: 16) }
            if ends.count == 2, ends[1] - ends[0] == pageSize + bufferSize { count += 1 }
        }
        return count
    }
}
