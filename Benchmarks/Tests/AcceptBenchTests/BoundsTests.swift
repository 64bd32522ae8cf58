// Bounds: whatever a number is, it is refused before it is calculated with.

import ArgumentParser
import Testing

@testable import accept_bench

struct BoundsTests {
    @Test(arguments: [
        ["--rounds", "0"], ["--rounds", "9223372036854775807"], ["--seconds", "0"], ["--seconds", "inf"],
        ["--seconds", "nan"], ["--connections", "9223372036854775807"], ["--clients", "0"], ["--listeners", "0"],
        ["--listeners", "1", "--listeners", "65536"], ["--rate", "1e-300"], ["--rate", "inf"], ["--threads", "1025"],
        ["--threads", "65"], ["--scenario", "storms"], ["--contender", "nginx"],
        ["--contender", "ours", "--contender", "ours"],
        ["--external", "x=x"], ["--external", "x=x {port}", "--external", "x=y {port}"],
    ])
    func aComparisonThatCannotBeIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try AcceptBench.parseAsRoot(arguments) }
    }

    @Test(arguments: [
        [], ["--rounds", "1000", "--seconds", "0.01", "--rate", "0.5"], ["--full", "--json"],
        ["--scenario", "storm", "--scenario", "call", "--contender", "finishing", "--threads", "64"],
        ["--external", "x=x {port}", "--external", "y=x {port}"],
    ])
    func oneThatCanBeIsNot(arguments: [String]) throws {
        #expect(try AcceptBench.parseAsRoot(arguments) is CompareCommand)
    }

    @Test(arguments: [
        ["--sources", "251"], ["--sources", "-1"], ["--patience", "0"], ["--threads", "65"], ["--rate", "0"],
    ])
    func clientsThatCannotBeAreRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try AcceptBench.parseAsRoot(["load", "127.0.0.1:1"] + arguments) }
    }
}
