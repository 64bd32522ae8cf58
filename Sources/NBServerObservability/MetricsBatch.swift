#if Metrics
internal import NBServer

/// What a server has counted, and its load, when it last told; the longest turn is that of all turns told since the batch began. A value.
struct MetricsBatch {
    private(set) var counters: ServerCounters?
    private(set) var load = ServerLoad()

    /// Takes what a server tells; returns true, since a turn is something to deliver.
    mutating func add(_ counters: ServerCounters, _ load: ServerLoad) -> Bool {
        let longest = max(self.load.longestTurn, load.longestTurn)
        self.counters = counters
        self.load = load
        self.load.longestTurn = longest
        return true
    }
}
#endif
