// When a worker's time limits end, from what its connection did last.
extension UnsafeMutablePointer<ConnectionSlot> {
    /// When a limit ends, if it runs.
    func end(of limit: TimeLimit, _ options: WorkerOptions) -> Instant? {
        switch limit {
        case .send where hasNothingToSend: nil
        case .send: options.sendTimeLimit.map { pointee.waits.sendingSince + $0 }
        case .receive where !pointee.receiving.wantsMore: nil
        case .receive: options.receiveTimeLimit.map { pointee.waits.receivingSince + $0 }
        case .idle: options.idleTimeLimit.map { pointee.waits.idleSince + $0 }
        }
    }

    /// The shorter of the limits on what is to be received that have passed.
    func passedInputLimit(_ options: WorkerOptions, _ now: Instant) -> Duration? {
        var shortest: Duration?
        for (limit, duration) in [(TimeLimit.receive, options.receiveTimeLimit), (.idle, options.idleTimeLimit)] {
            guard let duration, let end = end(of: limit, options), end <= now else { continue }
            shortest = min(duration, shortest ?? duration)
        }
        return shortest
    }

    /// When the first of them ends.
    func nextLimit(_ options: WorkerOptions) -> Instant? {
        .earlier(end(of: .send, options), .earlier(end(of: .receive, options), end(of: .idle, options)))
    }
}
