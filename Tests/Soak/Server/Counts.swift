/// Everything that a server has counted, and how it goes from one process to the other: as numbers in one line.
struct Counts: Sendable {
    private var values: [Int]

    init() {
        values = Array(repeating: 0, count: Count.allCases.count + Treatment.allCases.count)
    }

    init?(words: some Sequence<Substring>) {
        values = words.compactMap { Int($0) }
        guard values.count == Count.allCases.count + Treatment.allCases.count else { return nil }
    }

    var text: String { values.map(String.init).joined(separator: " ") }

    subscript(count: Count) -> Int {
        get { values[count.rawValue] }
        set { values[count.rawValue] = newValue }
    }

    /// How often `newConnection` was called for a treatment.
    subscript(treatment: Treatment) -> Int {
        get { values[Count.allCases.count + treatment.rawValue] }
        set { values[Count.allCases.count + treatment.rawValue] = newValue }
    }

    /// How often `newConnection` was called.
    var callbacks: Int { Treatment.allCases.reduce(0) { $0 + self[$1] } }

    static func - (later: Counts, earlier: Counts) -> Counts {
        var difference = later
        for index in later.values.indices { difference.values[index] -= earlier.values[index] }
        return difference
    }
}
