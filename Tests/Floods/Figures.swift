internal import Measuring
internal import NBServer

/// What a flood came to: what its clients saw, and what the servers counted.
struct Figures {
    private let asked: Int
    private let letIn: Int
    private let reset: Int
    private let toldLastWord: Int
    private let letInOfSource: [Int]
    private let counters: ServerCounters
    private let time: Duration

    init(_ crowd: Crowd, _ counters: ServerCounters, time: Duration) {
        asked = crowd.size
        letIn = crowd.letIn
        reset = crowd.reset
        toldLastWord = crowd.toldLastWord
        letInOfSource = crowd.letInOfSource
        self.counters = counters
        self.time = time
    }

    /// What is not as the row has it.
    func problems(of row: FloodRow) -> [String] {
        let seconds = Int(time.components.seconds)
        let refused = asked - letIn
        var problems: [String] = []
        func expect(_ what: String, _ count: some BinaryInteger, _ range: ClosedRange<Int>) {
            if !range.contains(Int(count)) {
                let expected = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range)"
                problems.append("\(count) \(what), and not \(expected)")
            }
        }
        func expect(_ what: String, _ count: some BinaryInteger, _ number: Int) { expect(what, count, number...number) }

        expect("clients were let in", letIn, row.letIn(seconds))
        expect("clients were reset", reset, row.saysLastWord ? 0 : refused)
        expect("clients were told a last word", toldLastWord, row.saysLastWord ? refused : 0)
        for number in 0..<FloodSource.count {
            let source = FloodSource(ofClient: number)
            guard let range = row.letInOfSource(source, seconds) else { continue }
            expect("clients of \(source.text) were let in", letInOfSource[number], range)
        }
        expect("connections were accepted", counters.accepted, asked)
        expect("connections were delivered", counters.delivered, letIn)
        expect("connections were discarded", counters.discarded, refused)
        for reason in AdmissionReason.allCases {
            let count = reason == .denied ? row.denied : reason == row.limit ? refused - row.denied : 0
            expect("connections were discarded: \(reason)", counters.discardedByReason[reason], count)
        }
        let waitedAtLimit = row.waits ? counters.waitedByReason[row.limit] : 0
        expect("connections have waited at another limit", counters.waitedByReason.total - waitedAtLimit, 0)
        expect("connections were told a last word", counters.toldLastWord, row.saysLastWord ? refused : 0)
        expect("connections wait", counters.waiting, 0)
        expect("connections failed", counters.failed, 0)
        if time < row.shortest { problems.append("the flood took \(time), and not at least \(row.shortest)") }
        return problems
    }

    static func columns(_ title: String) -> [Table.Column] {
        let numbers = ["asked", "let in", "over limit", "over source", "denied", "reset", "last word", "s"]
        return [.text(title)] + numbers.map { .number($0) }
    }

    func line(_ name: String) -> [String] {
        let discarded = counters.discardedByReason
        let overLimit = [.open, .openPerListener, .rate, .ratePerListener].reduce(0) { $0 + discarded[$1] }
        let overSource = [.openPerSource, .ratePerSource, .tooManySources].reduce(0) { $0 + discarded[$1] }
        let counts = [
            asked, letIn, Int(overLimit), Int(overSource), Int(discarded[.denied]), reset, toldLastWord,
        ]
        return [name] + counts.map(\.grouped) + [(time / .seconds(1)).fixed(1)]
    }
}
