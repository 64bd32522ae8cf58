internal import Synchronization

/// How many connections are let in against one limit, and the loops that wait for that to become fewer.
///
/// A permit is taken before a connection is delivered, and given back when it has ended. Shared by the loops of an ``Admission``; any
/// thread. While nothing waits no lock is taken.
///
/// ```
///  a loop:   no permit free ─▶ enter the line ─▶ publish "asleep" ─▶ look for a free permit ─▶ sleep
///  another:  give a permit back ─▶ does a loop in the line sleep? ── yes ──▶ grant it to the first of them, wake that loop
/// ```
///
/// Either the first loop finds the permit, or the other finds that the loop sleeps: the order is what counts. A loop that is awake is
/// granted nothing and looks for itself: it may be blocked in a callback, and would keep the permit from the others for as long. While there
/// is a line, only those in it are given permits, so that none waits for ever.
final class PermitCounter: Sendable {
    private struct Claim {
        let request: PermitRequest
        var count: Int
    }

    private let limit: Atomic<Int>
    private let used = Atomic<Int>(0)
    private let line = Lock<[Claim]>([])
    private let lineLength = Atomic<Int>(0)

    init(limit: Int?) {
        self.limit = Atomic(limit ?? .max)
    }

    /// How many are taken.
    var taken: Int { used.load(ordering: .sequentiallyConsistent) }

    /// How many more the limit allows.
    var free: Int { limit.load(ordering: .relaxed) - taken }

    /// Whether loops wait for permits.
    var hasLine: Bool { lineCount > 0 }

    /// How many loops do.
    var lineCount: Int { lineLength.load(ordering: .sequentiallyConsistent) }

    /// Allows another number, or any; the caller distributes what that frees.
    func setLimit(_ limit: Int?) {
        self.limit.store(limit ?? .max, ordering: .sequentiallyConsistent)
    }

    /// Takes as many permits as are free, `count` at the most, and none while others wait.
    func take(_ count: Int) -> Int {
        hasLine ? 0 : takeFree(count)
    }

    private func takeFree(_ count: Int) -> Int {
        var before = used.load(ordering: .sequentiallyConsistent)
        while true {
            let granted = min(count, limit.load(ordering: .sequentiallyConsistent) - before)
            guard granted > 0 else { return 0 }
            let result = used.weakCompareExchange(
                expected: before,
                desired: before + granted,
                ordering: .sequentiallyConsistent
            )
            if result.exchanged { return granted }
            before = result.original
        }
    }

    /// Gives permits back, and to those that wait.
    func give(_ count: Int) {
        used.subtract(count, ordering: .sequentiallyConsistent)
        distribute()
    }

    /// Whether a loop in the line sleeps, for tests.
    var hasSleeperInLine: Bool { line.withLock { $0.contains { $0.request.isAsleep } } }

    /// Grants what is free to loops that wait and sleep, and wakes them.
    func distribute() {
        if hasLine { serveLine() }
    }

    // Out of line: it takes references, which costs retains.
    @inline(never)
    private func serveLine() {
        while let request = grantNext() { request.control.noteAdmission() }
    }

    private func grantNext() -> PermitRequest? {
        line.withLock { line in
            guard let place = line.firstIndex(where: \.request.isAsleep) else { return nil }
            let request = line[place].request
            return grant(place, in: &line) ? request : nil
        }
    }

    @discardableResult
    private func grant(_ place: Int, in line: inout [Claim]) -> Bool {
        let granted = takeFree(line[place].count)
        line[place].request.granted += granted
        line[place].count -= granted
        if line[place].count == 0 {
            line.remove(at: place)
            lineLength.store(line.count, ordering: .sequentiallyConsistent)
        }
        return granted > 0
    }

    private func place(_ request: PermitRequest, for count: Int, in line: inout [Claim]) {
        let place = line.firstIndex { $0.request === request }
        switch place {
        case let place? where count > 0: line[place].count = count
        case let place?: line.remove(at: place)
        case nil where count > 0: line.append(Claim(request: request, count: count))
        case nil: break
        }
        lineLength.store(line.count, ordering: .sequentiallyConsistent)
    }

    /// Collects what was granted to a request and what is free, and has it wait for the rest of `count`; with 0 it waits no more.
    ///
    /// - Returns: how many were granted, which may be more than `count`.
    func renew(_ request: PermitRequest, for count: Int) -> Int {
        let granted = line.withLock { line in
            place(request, for: count - request.granted, in: &line)
            if let place = line.firstIndex(where: { $0.request === request }) { grant(place, in: &line) }
            defer { request.granted = 0 }
            return request.granted
        }
        distribute()
        return granted
    }
}

/// A loop's place in the line for permits of one ``PermitCounter``.
final class PermitRequest: Sendable {
    /// Of the loop that waits.
    let control: LoopControl
    /// What was granted and not collected; under the lock of the counter's line.
    nonisolated(unsafe) fileprivate(set) var granted = 0

    init(_ control: LoopControl) {
        self.control = control
    }

    /// Whether the loop sleeps.
    var isAsleep: Bool { control.doorbell.isLoopAsleep }
}
