// ProgressLine: how much is done, how long the rest takes, and never more than a line.

import Testing

@testable import Measuring

struct ProgressLineTests {
    @Test func withoutATotalItIsTheText() {
        #expect(ProgressLine().line("calls: round 3 of 27", spent: 5, width: 80) == "calls: round 3 of 27")
    }

    @Test func withATotalItTellsTheShareAndTheTimeThatIsLeft() {
        let progress = ProgressLine(total: 8)
        progress.done = 2
        let bar = "██████░░░░░░░░░░░░░░░░░░"
        #expect(progress.line("storm", spent: 10, width: 80) == "\(bar) 25 % storm, 30 s left")
        #expect(progress.line("storm", spent: 100, width: 80) == "\(bar) 25 % storm, 5 min 0 s left")
    }

    @Test func atTheBeginningThereIsNothingToTellTheTimeFrom() {
        let progress = ProgressLine(total: 100)
        progress.done = 2
        #expect(progress.line("storm", spent: 10, width: 80) == "░░░░░░░░░░░░░░░░░░░░░░░░ 2 % storm")
    }

    @Test func moreThanAllIsAll() {
        let progress = ProgressLine(total: 1)
        progress.done = 1.5
        #expect(progress.line("ends", spent: 10, width: 80) == "████████████████████████ 100 % ends, 0 s left")
    }

    @Test func whatDoesNotFitIsCut() {
        #expect(ProgressLine().line("0123456789", spent: 0, width: 8) == "0123456")
    }
}
