internal import NBEngine

// When a worker's time limits end, from what its connection did last.
extension UnsafeMutablePointer<ConnectionSlot> {
    /// When a limit ends, if it runs.
    func end(of limit: TimeLimit, _ options: WorkerOptions) -> Instant? {
        switch limit {
        case .send where hasNothingToSend: nil
        case .send: options.sendTimeLimit.map { pointee.clocks.sendingSince + $0 }
        case .receive where !wantsInput: nil
        case .receive: options.receiveTimeLimit.map { pointee.clocks.receivingSince + $0 }
        case .idle: options.idleTimeLimit.map { pointee.clocks.idleSince + $0 }
        }
    }

    /// Of the limits on what is to be received that have passed, the one that passed first.
    func passedInputLimit(_ options: WorkerOptions, _ now: Instant) -> (end: Instant, duration: Duration)? {
        let receive = end(of: .receive, options)
        let idle = end(of: .idle, options)
        guard let first = Instant.earlier(receive, idle), first <= now else { return nil }
        let duration = first == receive ? options.receiveTimeLimit : options.idleTimeLimit
        return duration.map { (first, $0) }
    }

    /// When the first of them ends.
    func nextLimit(_ options: WorkerOptions) -> Instant? {
        .earlier(end(of: .send, options), .earlier(end(of: .receive, options), end(of: .idle, options)))
    }
}
