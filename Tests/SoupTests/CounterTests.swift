// counter: messages from its input, and a server that goes on without one.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Counting {
        private static let question =
            "press Return to see how many clients were served; type reset and press Return to start again at 0\n"

        @Test func itCountsAndAnswersAndServesAfterTheEndOfItsInput() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let counter = try Example("counter", input: ends[0])
            close(ends[0])
            for number in 1...3 { #expect(try outcome(at: counter.address).text == "you are number \(number)\n") }
            for line in ["\n", "reset\n"] { _ = write(ends[1], line, line.utf8.count) }
            close(ends[1])
            let said = Self.question + "3 served\n0 served\n"
            try wait(for: "it answers") { counter.child.output.hasSuffix(said) }
            #expect(try outcome(at: counter.address).text == "you are number 1\n")
            try counter.expectCleanEnd(saying: said)
        }

        /// The tally is an actor on the server's thread, which its input asks.
        @Test func theTallyAnswersBetweenItsClients() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let tally = try Example("tally", input: ends[0])
            close(ends[0])
            for number in 1...3 { #expect(try outcome(at: tally.address).text == "you are number \(number)\n") }
            _ = write(ends[1], "\n", 1)
            try wait(for: "it answers") { tally.child.output.hasSuffix("\n3 served\n") }
            #expect(try outcome(at: tally.address).text == "you are number 4\n")
            _ = write(ends[1], "\n", 1)
            close(ends[1])
            try wait(for: "it answers again") { tally.child.output.hasSuffix("\n4 served\n") }
            #expect(try outcome(at: tally.address).text == "you are number 5\n")
            try tally.expectCleanEnd(saying: "3 served\n4 served\n")
        }

        /// As a service has it: there is no input.
        @Test(arguments: [SIGINT, SIGTERM])
        func itServesWithoutInputUntilASignal(signal: Int32) throws {
            var counter = try Example("counter")
            #expect(try outcome(at: counter.address).text == "you are number 1\n")
            counter.child.signal(signal)
            #expect(try counter.child.wait() == .exited(0))
            #expect(counter.child.errors.withoutEngineLine(of: "counter") == "")
        }
    }
}
