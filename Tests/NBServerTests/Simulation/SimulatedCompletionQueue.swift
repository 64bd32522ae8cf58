import NBEngine

/// What the simulated kernel has completed and the server has not taken.
///
/// Completions of one subject, a listener or a socket, keep their order; those of different ones may change places.
struct SimulatedCompletionQueue {
    private struct Entry {
        let completion: Completion
        let subject: Int32
    }

    let depth: Int
    private var entries: [Entry] = []

    init(depth: Int) {
        self.depth = depth
    }

    var isEmpty: Bool { entries.isEmpty }
    /// What is posted from now on waits in the kernel.
    var isFull: Bool { entries.count >= depth }

    mutating func post(_ completion: Completion, of subject: Int32) {
        entries.append(Entry(completion: completion, subject: subject))
    }

    /// Lets the newest completion overtake others; returns whether there were any.
    mutating func reorder(_ random: inout Randomness) -> Bool {
        guard let newest = entries.popLast() else { return false }
        let earliest = (entries.lastIndex { $0.subject == newest.subject } ?? -1) + 1
        let place = earliest + random.below(entries.count - earliest + 1)
        entries.insert(newest, at: place)
        return place < entries.count - 1
    }

    /// Takes the first `count`, or as many as the queue shows.
    mutating func take(_ count: Int, _ body: (Completion, _ subject: Int32) -> Void) {
        let count = min(count, depth, entries.count)
        for entry in entries.prefix(count) { body(entry.completion, entry.subject) }
        entries.removeFirst(count)
    }
}
