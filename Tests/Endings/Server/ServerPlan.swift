internal import Measuring

/// What a server is to do: a listener for each greeting, and limits. It goes from one process to the other as words.
struct ServerPlan: Sendable {
    /// The greeting of those that come by one listener.
    struct Part: Sendable {
        /// Said at once.
        let first: Int
        /// Said when the server is told to, or when a client comes that gets all at once; 0 means that the first part is all.
        let last: Int

        init(_ first: Int, later last: Int = 0) {
            self.first = first
            self.last = last
        }

        var size: Int { first + last }
    }

    let parts: [Part]
    var closeTimeLimit = Duration.seconds(20)
    /// `SO_SNDBUF` of the listeners; 0 leaves it to the kernel.
    var sendBuffer = 0
    /// The library's own, if nothing is said.
    var quantum = 256

    init(_ parts: [Part]) {
        self.parts = parts
    }
}

// As words.
extension ServerPlan {
    var words: [String] {
        let limits = [Int(closeTimeLimit / .milliseconds(1)), sendBuffer, quantum]
        return (limits + parts.flatMap { [$0.first, $0.last] }).map(String.init)
    }

    init(words: some Sequence<String>) throws {
        let numbers = words.compactMap { Int($0) }
        guard numbers.count >= 5, !numbers.count.isMultiple(of: 2) else {
            throw Failure("\(Arguments.serverRole) is for this program's own use")
        }
        parts = stride(from: 3, to: numbers.count, by: 2).map { Part(numbers[$0], later: numbers[$0 + 1]) }
        closeTimeLimit = .milliseconds(numbers[0])
        sendBuffer = numbers[1]
        quantum = numbers[2]
    }
}
