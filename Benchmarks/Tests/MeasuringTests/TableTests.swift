// Table: columns line up, text to the left and numbers to the right.

import Measuring
import Testing

struct TableTests {
    @Test func textIsToTheLeftAndNumbersAreToTheRight() {
        var table = Table(columns: [.text("server"), .number("µs"), .text("note")])
        table.add(["ours", "9.03", "late"])
        table.add(["ring, again", "12.16", ""])
        #expect(
            table.description == """
                server          µs  note
                ours          9.03  late
                ring, again  12.16

                """
        )
    }

    @Test func aColumnIsAsWideAsItsHeadingAtLeast() {
        var table = Table(columns: [.number("connections"), .number("n")])
        table.add(["7", "10,000"])
        #expect(table.description == "connections       n\n          7  10,000\n")
    }

    @Test func withoutRowsThereAreOnlyTheHeadings() {
        #expect(Table(columns: [.text("phase"), .number("rounds")]).description == "phase  rounds\n")
    }
}
