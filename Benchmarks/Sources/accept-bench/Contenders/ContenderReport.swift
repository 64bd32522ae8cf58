import LoopbackClient
import Measuring

/// What a contender prints when it is told to end.
struct ContenderReport {
    var accepted = 0
    /// How long calls took.
    var calls = Latencies()

    init(_ printed: String) throws {
        var isComplete = false
        for line in printed.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = UInt64(words[1]) else { continue }
            switch words[0] {
            case "accepted":
                accepted = Int(number)
                isComplete = true
            case "call": calls.record(number)
            default: break
            }
        }
        guard isComplete else { throw Failure("ended without saying how many connections it accepted") }
    }
}
