#if NIO
internal import NBLibc
internal import NBServer
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A loop's side of an acceptor: makes channels of connections, no more at a time than its part, and knows them until they close.
///
/// Channels are made on the loop only. What it counts, other threads read; its state is behind a lock that no thread holds for long, since a loop
/// that was shut down leaves the rest to the thread that finds out.
///
/// ```
///  a connection:  expected ──▶ waiting, if the loop has its part ──▶ initializing ──▶ open ──▶ closed
///                    │                │                                   └── an option or the initializer fails ──▶ failed
///                    │                └── the acceptor stops ──▶ abandoned
///                    └── no loop any more ──▶ abandoned;  no room to watch it ──▶ refused
/// ```
final class LoopIntake: Sendable {
    let loop: any EventLoop
    /// To tell of room; `nil` while it does not run.
    let server = Lock<Server<Feeder>?>(nil)
    /// All channels are closed, and none will come.
    let end = Outcome<Void>()

    /// Safe: not changed once it is stored, and used on the loop only.
    nonisolated(unsafe) private let bootstrap: ClientBootstrap
    private let maximumOpen: Int
    private let probe: WatchProbe?
    private let state = Lock(State())
    /// Connections that were accepted for the loop and have not ended.
    private let outstanding = Atomic<Int>(0)
    private let awaitsRoom = Atomic<Bool>(false)

    private struct State {
        var counters = NIOAcceptorCounters()
        var channels: [ObjectIdentifier: any Channel] = [:]
        var initializing = 0
        /// Accepted while the loop had its part.
        var waiting: [Int32] = []
        var isQuiescing = false
        /// No batch will come any more.
        var isServerDone = false
        /// Nothing becomes a channel any more, and those there are close.
        var isClosing = false
        /// How many had not ended when the closing began.
        var unfinished = 0
        /// Those that wait are being let in, further up the stack.
        var isAdmitting = false

        var active: Int { channels.count + initializing }
        var isOver: Bool { isServerDone && waiting.isEmpty && channels.isEmpty && (isClosing || initializing == 0) }
    }

    init(
        _ part: LoopParts.Part,
        _ bootstrap: ClientBootstrap,
        probe: WatchProbe? = nil,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) {
        loop = part.loop
        maximumOpen = part.maximumOpen ?? .max
        self.probe = probe
        self.bootstrap = bootstrap.channelInitializer(initializer)
    }

    var counters: NIOAcceptorCounters { state.withLock { $0.counters } }
    var unfinished: Int { state.withLock { $0.unfinished } }
}

// For the server's thread.
extension LoopIntake {
    /// So many connections are on their way.
    func expect(_ count: Int) {
        outstanding.add(count, ordering: .sequentiallyConsistent)
        state.withLock { state in
            state.counters.accepted += UInt64(count)
            state.counters.batches += 1
        }
    }

    /// Whether the loop has more than its part, with so many that are not on their way yet.
    func isOverfull(with count: Int) -> Bool {
        outstanding.load(ordering: .sequentiallyConsistent) > maximumOpen - count
    }

    /// Whether there is room now; if not, the server is told when there is.
    func awaitRoom(with count: Int) -> Bool {
        awaitsRoom.store(true, ordering: .sequentiallyConsistent)
        guard outstanding.load(ordering: .sequentiallyConsistent) < maximumOpen - count else { return false }
        awaitsRoom.store(false, ordering: .sequentiallyConsistent)
        return true
    }

    /// The loop has dropped a batch: it was shut down.
    func loseLoop(_ descriptors: [Int32]) {
        let waiting = state.withLock { state in
            state.isClosing = true
            defer { state.waiting = [] }
            return state.waiting
        }
        abandon(descriptors + waiting)
        server.withLock { try? $0?.cast(.loopGone) }
        resolveIfOver()
    }
}

// For the loop.
extension LoopIntake {
    /// Makes a channel of a connection, now or when there is room. From here on the descriptor is the channel's, whatever comes of it.
    func adopt(_ descriptor: Int32) {
        loop.assertInEventLoop()
        enum Fate { case adopted, waiting, abandoned }
        let fate: Fate = state.withLock { state in
            if state.isClosing { return .abandoned }
            guard state.active < maximumOpen else {
                state.waiting.append(descriptor)
                return .waiting
            }
            state.initializing += 1
            return .adopted
        }
        switch fate {
        case .waiting: break
        case .abandoned: abandon([descriptor])
        case .adopted: makeChannel(descriptor)
        }
    }

    private func makeChannel(_ descriptor: Int32) {
        // NIO ends the process if epoll_ctl(2) refuses a channel's descriptor.
        if let probe, !probe.canWatch(descriptor) {
            reset(descriptor)
            state.withLock { state in
                state.initializing -= 1
                state.counters.refused += 1
            }
            return noteEnd()
        }
        bootstrap.withConnectedSocket(descriptor).whenComplete { result in
            switch result {
            case .success(let channel): self.noteOpen(channel)
            case .failure: self.noteFailure()
            }
        }
    }

    /// NIO has closed the descriptor.
    private func noteFailure() {
        state.withLock { state in
            state.initializing -= 1
            state.counters.failed += 1
        }
        noteEnd()
    }

    private func noteOpen(_ channel: any Channel) {
        let (isQuiescing, isClosing) = state.withLock { state in
            state.initializing -= 1
            state.counters.opened += 1
            state.channels[ObjectIdentifier(channel)] = channel
            return (state.isQuiescing, state.isClosing)
        }
        // At once if it has closed by now.
        channel.closeFuture.whenComplete { _ in self.noteClose(channel) }
        if isClosing {
            channel.close(promise: nil)
        } else if isQuiescing {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    private func noteClose(_ channel: any Channel) {
        state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            state.counters.closed += 1
        }
        noteEnd()
    }

    /// A connection has ended: those that wait take its place. One after the other also where an initializer fails at once, which ends here
    /// again.
    private func noteEnd() {
        leave(1)
        while let next = takeWaiting() {
            makeChannel(next)
            state.withLock { $0.isAdmitting = false }
        }
        resolveIfOver()
    }

    private func takeWaiting() -> Int32? {
        state.withLock { state in
            guard !state.isAdmitting, !state.waiting.isEmpty, state.active < maximumOpen else { return nil }
            state.isAdmitting = true
            state.initializing += 1
            return state.waiting.removeFirst()
        }
    }
}

// How it ends. Any thread.
extension LoopIntake {
    /// Tells all channels to come to an end, those to come as well; the rest is closed when the time is up.
    func quiesce(within limit: Duration) {
        let errand = LoopErrand { intake in
            let channels = intake.state.withLock { state in
                state.isQuiescing = true
                return Array(state.channels.values)
            }
            for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
            intake.loop.scheduleTask(in: TimeAmount(clamping: limit)) { intake.closeAll() }
        }
        errand.run(for: self)
    }

    /// The loop's server has ended: after a drain channels may go on, else they are closed.
    func finish(after reason: StopReason) {
        let isDrain = if case .drained = reason { true } else { false }
        let errand = LoopErrand { intake in
            intake.state.withLock { $0.isServerDone = true }
            if isDrain { intake.resolveIfOver() } else { intake.closeAll() }
        }
        errand.run(for: self)
    }

    /// The loop was shut down, and has closed its channels.
    func closeWithoutLoop() {
        let waiting = state.withLock { state in
            state.isClosing = true
            state.isServerDone = true
            defer { state.waiting = [] }
            return state.waiting
        }
        abandon(waiting)
        end.resolve(())
    }

    /// On the loop: closes all channels, and resets connections that wait.
    private func closeAll() {
        let (channels, waiting) = state.withLock { state in
            if !state.isClosing { state.unfinished = state.active + state.waiting.count }
            state.isClosing = true
            defer { state.waiting = [] }
            return (Array(state.channels.values), state.waiting)
        }
        abandon(waiting)
        for channel in channels { channel.close(promise: nil) }
        resolveIfOver()
    }

    private func abandon(_ descriptors: [Int32]) {
        for descriptor in descriptors { reset(descriptor) }
        state.withLock { $0.counters.abandoned += UInt64(descriptors.count) }
        leave(descriptors.count)
    }

    /// So many connections have ended. The server that waits for room is told of it once.
    private func leave(_ count: Int) {
        let rest = outstanding.subtract(count, ordering: .sequentiallyConsistent).newValue
        guard rest < maximumOpen, awaitsRoom.load(ordering: .sequentiallyConsistent),
            awaitsRoom.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        server.withLock { try? $0?.cast(.room) }
    }

    private func resolveIfOver() {
        if state.withLock({ $0.isOver }) { end.resolve(()) }
    }

    /// Closes a connection that is no channel's: its client gets a reset. `SO_LINGER`, `socket(7)`.
    private func reset(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        NBLibc.close(descriptor)
    }
}

extension TimeAmount {
    /// A century at the most.
    fileprivate init(clamping duration: Duration) {
        self.init(min(max(duration, .zero), .seconds(3_000_000_000)))
    }
}
#endif
