/// What a generator has to say at the end.
struct LoadResult: Sendable {
    var streams: [StreamResult]
    /// From the first connection's beginning to the last one's end.
    var seconds: Double
    /// The generator's own CPU time.
    var generatorCPU: Double
    var threads = 1
    /// Whether a signal ended it before its time.
    var isInterrupted = false

    /// How busy the generator was, of all the time it could have been.
    var generatorLoad: Double { seconds > 0 ? generatorCPU / seconds / Double(threads) : 0 }

    /// A generator this busy does not offer more, whatever the server could take.
    static let saturated = 0.95

    var isGeneratorSaturated: Bool { generatorLoad >= Self.saturated }

    mutating func add(_ other: LoadResult) {
        for index in streams.indices { streams[index].add(other.streams[index]) }
        seconds = max(seconds, other.seconds)
        generatorCPU += other.generatorCPU
        threads += other.threads
        isInterrupted = isInterrupted || other.isInterrupted
    }
}
