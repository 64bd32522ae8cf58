/// When the connections of a stream are to begin.
struct StreamPace {
    private let start: Moment
    private var end: Moment
    /// Nanoseconds between two connections of an open loop; nil for a closed one.
    private let interval: Double?
    private let most: Int
    /// How many have begun.
    private(set) var begun = 0

    init(_ stream: LoadStream, from start: Moment, until end: Moment) {
        self.start = start
        self.end = stream.isBackground ? .max : end
        most = stream.count ?? .max
        if case .open(let perSecond, _) = stream.pace { interval = 1e9 / perSecond } else { interval = nil }
    }

    /// When the next one is due.
    private var due: Moment {
        guard let interval else { return start }
        return start + Moment(Double(begun) * interval)
    }

    /// Whether there is another to begin, now or later. An open loop owes what was due before the end.
    func hasMore(_ now: Moment) -> Bool {
        guard begun < most else { return false }
        return interval == nil ? now < end : due < end
    }

    /// When the caller is to come back for the next one; in a closed loop that is when a connection has ended.
    func nextDue(_ now: Moment) -> Moment {
        interval != nil && hasMore(now) ? due : .max
    }

    /// Takes the next one, if it is due: when it was.
    mutating func take(_ now: Moment) -> Moment? {
        guard hasMore(now), due <= now else { return nil }
        defer { begun += 1 }
        return interval == nil ? now : due
    }

    /// An interruption: nothing is due from now on.
    mutating func cut(_ now: Moment) {
        if end != .max { end = min(end, now) }
    }

    /// How many were due by the end and have not begun.
    var overdue: Int {
        guard let interval, end != .max else { return 0 }
        return max(0, min(most, Int((Double(end.since(start)) / interval).rounded(.up))) - begun)
    }
}
