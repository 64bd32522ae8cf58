/// Keys and values, for examples that await their answers. Any task may ask.
public actor Store {
    private var values: [String: String] = [:]

    /// An empty store.
    public init() {}

    /// The answer to a line: `get KEY`, `set KEY VALUE` or `delete KEY`.
    public func answer(_ line: String) -> String {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        switch (words.first, words.count) {
        case ("get", 2): return values[words[1]].map { "= \($0)" } ?? "nothing"
        case ("set", 3): values[words[1]] = words[2]
        case ("delete", 2): values[words[1]] = nil
        default: return "get KEY, set KEY VALUE or delete KEY"
        }
        return "ok"
    }
}
