internal import NBEngine

// When a worker's time limits end, from what its connection did last.
extension UnsafeMutablePointer<ConnectionSlot> {
    /// When a limit ends, if it runs.
    func end(of limit: TimeLimit) -> Instant? {
        guard let clocks = pointee.clocks?.pointee else { return nil }
        return switch limit {
        case .send where hasNothingToSend: nil
        case .send: workerOptions.pointee.sendTimeLimit.map { clocks.sendingSince + $0 }
        case .receive where !wantsInput: nil
        case .receive: workerOptions.pointee.receiveTimeLimit.map { clocks.receivingSince + $0 }
        case .idle: workerOptions.pointee.idleTimeLimit.map { clocks.idleSince + $0 }
        }
    }

    /// Of the limits on what is to be received that have passed, the one that passed first.
    func passedInputLimit(at now: Instant) -> (end: Instant, duration: Duration)? {
        let receive = end(of: .receive)
        let idle = end(of: .idle)
        guard let first = Instant.earlier(receive, idle), first <= now else { return nil }
        let duration = first == receive ? workerOptions.pointee.receiveTimeLimit : workerOptions.pointee.idleTimeLimit
        return duration.map { (first, $0) }
    }

    /// When the first of them ends.
    var nextLimit: Instant? {
        .earlier(end(of: .send), .earlier(end(of: .receive), end(of: .idle)))
    }
}
