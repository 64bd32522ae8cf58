internal import NBEngine

/// How many connections each source has open, and when each may have the next.
///
/// Remembers at most 65,536 sources. When another one comes, the least recent one without open connections is forgotten; if there is none,
/// the new source cannot be counted, and is refused. A source keeps its place as long as it has connections. Memory grows to the number of
/// sources there were, up to 12 MiB, and is not given back.
///
/// Shared by the loops of an ``Admission``, under its lock, which each takes once a batch and once a turn.
struct SourceTable {
    static let limit = 65_536

    /// A source as it is counted: the first address of its prefix.
    struct Key: Hashable {
        private let number: UInt128
        private let isIPv4: Bool

        init(_ address: IPAddress, _ limits: AdmissionLimits.SourceLimits) {
            let address = address.unmapped
            isIPv4 = address.isIPv4
            let behind = address.isIPv4 ? 32 - limits.ipv4PrefixLength : 128 - limits.ipv6PrefixLength
            number = address.number >> behind
        }
    }

    /// What becomes of a connection.
    enum Answer: Equatable {
        /// It counts for the source at this place, for ``give(_:)``.
        case counted(Int32)
        case refused(AdmissionReason)
    }

    private struct Entry {
        var key: Key
        var openCount: Int32 = 0
        /// As in ``TokenBucket``.
        var full: Int64 = 0
        /// The next one with the same hash.
        var next: Int32 = -1
        // Of those without connections, the one that was left before, and after.
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    private var entries: [Entry] = []
    /// The first of each hash.
    private var heads: [Int32] = []
    private var oldest: Int32 = -1
    private var newest: Int32 = -1

    /// How many sources are remembered.
    var count: Int { entries.count }

    /// How many connections a source has open.
    func openCount(_ key: Key) -> Int {
        find(key).map { Int(entries[Int($0)].openCount) } ?? 0
    }

    /// Counts a connection, if its source may have another.
    mutating func take(_ key: Key, _ limits: AdmissionLimits.SourceLimits, at now: Instant) -> Answer {
        guard let place = find(key) ?? add(key) else { return .refused(.tooManySources) }
        let entry = entries[Int(place)]
        if let maximum = limits.maximumOpen, Int(entry.openCount) >= maximum { return .refused(.openPerSource) }
        if let rate = limits.rate {
            guard rate.perSecond > 0 else { return .refused(.ratePerSource) }
            let now = Int64(clamping: now.nanoseconds)
            let full = max(entry.full, now) + rate.interval
            guard full <= now + rate.interval * Int64(rate.burst) else { return .refused(.ratePerSource) }
            entries[Int(place)].full = full
        }
        if entry.openCount == 0 { leaveLine(place) }
        entries[Int(place)].openCount += 1
        return .counted(place)
    }

    /// A connection has ended.
    mutating func give(_ place: Int32) {
        entries[Int(place)].openCount -= 1
        if entries[Int(place)].openCount == 0 { enterLine(place) }
    }
}

// Finding and forgetting.
extension SourceTable {
    private func head(of key: Key) -> Int {
        var hasher = Hasher()
        hasher.combine(key)
        return hasher.finalize() & (heads.count - 1)
    }

    private func find(_ key: Key) -> Int32? {
        guard !heads.isEmpty else { return nil }
        var place = heads[head(of: key)]
        while place >= 0, entries[Int(place)].key != key { place = entries[Int(place)].next }
        return place >= 0 ? place : nil
    }

    /// Remembers a source, as the most recent one without connections.
    private mutating func add(_ key: Key) -> Int32? {
        let place: Int32
        if entries.count < Self.limit {
            if entries.count == heads.count { grow() }
            place = Int32(entries.count)
            entries.append(Entry(key: key))
        } else {
            guard oldest >= 0 else { return nil }
            place = oldest
            leaveLine(place)
            unlink(place)
            entries[Int(place)] = Entry(key: key)
        }
        link(place)
        enterLine(place)
        return place
    }

    private mutating func grow() {
        heads = Array(repeating: -1, count: max(64, heads.count * 2))
        entries.reserveCapacity(heads.count)
        for place in entries.indices { link(Int32(place)) }
    }

    private mutating func link(_ place: Int32) {
        let head = head(of: entries[Int(place)].key)
        entries[Int(place)].next = heads[head]
        heads[head] = place
    }

    private mutating func unlink(_ place: Int32) {
        let head = head(of: entries[Int(place)].key)
        guard heads[head] != place else {
            heads[head] = entries[Int(place)].next
            return
        }
        var before = heads[head]
        while entries[Int(before)].next != place { before = entries[Int(before)].next }
        entries[Int(before)].next = entries[Int(place)].next
    }
}

// The line of those without connections.
extension SourceTable {
    private mutating func enterLine(_ place: Int32) {
        entries[Int(place)].older = newest
        entries[Int(place)].newer = -1
        if newest >= 0 { entries[Int(newest)].newer = place } else { oldest = place }
        newest = place
    }

    private mutating func leaveLine(_ place: Int32) {
        let (older, newer) = (entries[Int(place)].older, entries[Int(place)].newer)
        if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
    }
}
