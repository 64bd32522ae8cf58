/// A word on a program's command line that the program cannot take, with what it wants instead.
package struct WrongUsage: Error {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension WrongUsage {
    /// The engine that a word names, as `NB_SERVER_ENGINE` takes it.
    package static func engine(_ word: String?) throws(WrongUsage) -> String {
        guard let word, ["ring", "epoll"].contains(word) else {
            throw WrongUsage("--engine wants ring or epoll, not \(word ?? "nothing")")
        }
        return word
    }
}
