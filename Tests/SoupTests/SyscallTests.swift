// What a connection costs in system calls: four for its end, or two and its part of two more if others end with it; its part of an enter; and
// no thread of the kernel's.

import GrantedLevels
import Testing

extension SoupTests {
    @Suite struct Syscalls {
        @Test func aShortConnectionCostsTheCallsOfItsEndAndNothingElse() throws {
            let soup = try Soup()
            try expectOutcome(.greeted, at: soup.address)
            let count = try SyscallCount(of: soup.pid)
            let tally = try oneAfterTheOther(1_000, to: soup.address)
            #expect(tally == [.greeted: 1_000])
            var calls = try count.finish()
            let enters = calls.removeValue(forKey: "io_uring_enter") ?? 0
            #expect(enters > 0)
            expectEnds(of: 1_000, in: &calls)
            // What is left is not per connection: memory that grew, the attaching itself.
            #expect(calls.values.reduce(0, +) <= 10, "\(calls)")
            #expect(Set(calls.keys).isSubset(of: ["brk", "mmap", "munmap", "futex", "restart_syscall"]))
            try expectNoThreadButItsOwn(soup)
        }

        /// Takes the calls out with which so many connections ended. A client sees its end ahead of the last two: those of the client before
        /// may be counted, and those of the last one not.
        private func expectEnds(of count: Int, in calls: inout [String: Int]) {
            for call in ["sendto", "shutdown"] { #expect(calls.removeValue(forKey: call) == count, "\(call)") }
            for call in ["recvfrom", "close"] {
                #expect((count - 1...count + 1).contains(calls.removeValue(forKey: call) ?? 0), "\(call)")
            }
        }

        @Test func draining3000ConnectionsTakesAtMost60Enters() throws {
            let soup = try Soup()
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(3_000, to: soup.address)
            #expect(try ProcFS.queueLength(at: soup.address) == 3_000)
            let count = try SyscallCount(of: soup.pid)
            soup.resume()
            try expectAllGreeted(clients)
            var calls = try count.finish()
            let enters = calls.removeValue(forKey: "io_uring_enter") ?? 0
            #expect((1...60).contains(enters), "\(enters)")
            for call in ["sendto", "shutdown"] { #expect(calls.removeValue(forKey: call) == 3_000, "\(call)") }
            // Groups of sixteen end together, and one more with what an enter has brought beyond them. Their descriptors follow each other.
            for call in [SyscallCount.poll, "close_range"] {
                #expect((170...170 + 2 * enters).contains(calls.removeValue(forKey: call) ?? 0), "\(call)")
            }
            // Of those that end alone, and of descriptors that no other follows.
            for call in ["recvfrom", "close"] { #expect(calls.removeValue(forKey: call) ?? 0 <= 2 * enters, "\(call)") }
            #expect(calls.values.reduce(0, +) <= 10, "\(calls)")
            try expectNoThreadButItsOwn(soup)
        }

        /// Without a call that connections share when they end together, each ends by one of its own.
        @Test(arguments: [
            (SyscallCount.poll, "ENOMEM", "recvfrom"), (SyscallCount.poll, "EINTR", "recvfrom"),
            ("close_range", "ENOSYS", "close"), ("close_range", "EPERM", "close"),
        ])
        func aFailingPollOrCloseRangeLosesNoClient(call: String, error: String, own: String) throws {
            let process = try TestServer.warm()
            let before = try ProcessState(of: process.pid)
            let address = try process.start(.highestGranted).addresses[0]
            try process.pause()
            let clients = try Clients(300, to: address)
            let tracing = try Tracing(call, error, and: own, of: process.pid)
            process.resume()
            try expectAllGreeted(clients)
            // A client sees its end ahead of these calls.
            #expect(try process.stop() == Ended(accepted: 300, delivered: 300))
            let record = try tracing.finish()
            #expect(record.injected >= 18)
            // The server closes a few descriptors more.
            #expect((own == "close" ? 300...320 : 300...300).contains(record.others.count))
            try process.expectState(before)
        }

        /// The loop is woken once, and looks at the ring after every 256 messages; the one or two waits in progress are not counted.
        @Test func aBurstOfCastsCostsAFewCalls() throws {
            let process = try TestServer()
            _ = try process.start(.highestGranted)
            process.send("burst 1000")
            try process.expectLines(["handled 1000"])
            let count = try SyscallCount(of: process.pid)
            process.send("burst 100000")
            try process.expectLines(["handled 101000"])
            let calls = try count.finish()
            #expect((389...400).contains(calls["io_uring_enter"] ?? 0), "\(calls)")
            // To wake the loop for the burst, for the call behind it, and to write the answer.
            #expect((calls["write"] ?? 0) <= 3, "\(calls)")
            let others = calls.filter { $0.key != "io_uring_enter" && $0.key != "write" }
            // Memory for the messages that wait.
            let memory = ["brk", "mmap", "munmap", "mprotect", "madvise", "mremap"].reduce(0) { $0 + (others[$1] ?? 0) }
            #expect(others.values.reduce(0, +) - memory <= 20, "\(calls)")
            try process.stop()
        }

        @Test func noOperationOfAClientThatSpokeNeedsAThread() throws {
            let soup = try Soup()
            try soup.pause()
            let clients = try Clients(500, to: soup.address)
            try clients.send([UInt8](repeating: 0x21, count: 1_024))
            soup.resume()
            try expectAllGreeted(clients)
            try expectNoThreadButItsOwn(soup)
        }
    }
}

/// The kernel starts an `iou-wrk` thread for what it cannot do on the ring's own.
private func expectNoThreadButItsOwn(_ soup: borrowing Soup) throws {
    let names = try ProcFS.threadNames(of: soup.pid)
    #expect(names.count == 1, "\(names)")
    #expect(!names.contains { $0.hasPrefix("iou-") }, "\(names)")
}
