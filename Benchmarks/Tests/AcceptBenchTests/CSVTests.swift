// CSV: a cell for each column, whatever is in it.

import Testing

@testable import accept_bench

struct CSVTests {
    @Test func everyLineHasACellForEachColumn() throws {
        var sample = Sample(scenario: "storm", variant: "", contender: "ours", round: 3)
        sample.values = [.cpu: 12.5]
        sample.onServerCPU = CPUShare(busy: 90, others: 1.5, steal: 2.5)
        sample.onClientCPUs = CPUShare(busy: 80, others: 3.5, steal: 4.5)
        sample.drops = ["ListenDrops": 1]
        let lines = CSV.text([sample]).split(separator: "\n")
        let names = lines[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let cells = lines[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try #require(lines.count == 2 && names.count == cells.count)
        let row = Dictionary(uniqueKeysWithValues: zip(names, cells))
        #expect(row["round"] == "3")
        #expect(row["cpu"] == "12.500")
        #expect(row["p99"] == "")
        #expect(row["serverCPUBusy"] == "90.0")
        #expect(row["serverCPUOthers"] == "1.5")
        #expect(row["serverCPUSteal"] == "2.5")
        #expect(row["clientCPUsBusy"] == "80.0")
        #expect(row["clientCPUsOthers"] == "3.5")
        #expect(row["clientCPUsSteal"] == "4.5")
        #expect(row["drops"] == "ListenDrops=1")
    }

    @Test func whatHasACommaOrAQuoteIsQuoted() {
        var sample = Sample(scenario: "storm", variant: "", contender: "ring, again", round: 0)
        sample.invalid = "it said \"no\""
        let line = CSV.text([sample]).split(separator: "\n")[1]
        #expect(line.hasPrefix("storm,,\"ring, again\",0,no,"))
        #expect(line.hasSuffix(",\"it said \"\"no\"\"\""))
    }
}
