internal import NBEngine
internal import NBLibc

/// An epoll descriptor and the events it was last asked for. `epoll(7)`.
///
/// What it watches it watches edge-triggered: for input, urgent data and hang-up, or for these and output. Errors are returned as in
/// `errno(3)`, 0 for none. Owned by an ``EpollEngine``; its thread only.
struct EventPoll: ~Copyable {
    let descriptor: Int32
    /// Waits count nanoseconds: `epoll_pwait2(2)`, Linux 5.11. Otherwise whole milliseconds, rounded up.
    let isPrecise: Bool
    private let events: UnsafeMutablePointer<epoll_event>

    /// How many events one call brings. The others come with the next.
    static let capacity = 256

    // The kernel's numbers (`epoll_ctl(2)`), which are of another type in each C library.
    static let input: UInt32 = 0x1
    static let urgent: UInt32 = 0x2
    static let output: UInt32 = 0x4
    static let error: UInt32 = 0x8
    static let hangUp: UInt32 = 0x10
    static let readHangUp: UInt32 = 0x2000
    private static let edgeTriggered: UInt32 = 1 << 31

    /// What a descriptor is watched for.
    enum Interest {
        /// Input, and whatever else a reader is told.
        case input
        /// The same and output. Epoll tells of output at once if the descriptor is writable, as most are.
        case all

        fileprivate var kinds: UInt32 {
            switch self {
            case .input: EventPoll.input | EventPoll.urgent | EventPoll.readHangUp
            case .all: EventPoll.input | EventPoll.urgent | EventPoll.readHangUp | EventPoll.output
            }
        }
    }

    init() throws(EngineError) {
        let descriptor = epoll_create1(closeOnExec)
        guard descriptor >= 0 else { throw .noDescriptor("epoll_create1", errno) }
        if let error = Self.refusal(of: descriptor) {
            NBLibc.close(descriptor)
            throw .noDescriptor("epoll_ctl", error)
        }
        self.descriptor = descriptor
        events = .allocate(capacity: Self.capacity)
        var noTime = timespec()
        // A kernel that does not know the call says ENOSYS, and so do some filters; others say EPERM.
        isPrecise = nb_server_epoll_pwait2(descriptor, events, 1, &noTime) >= 0
    }

    /// What a filter says that lets an epoll be made and not be used. Otherwise a number that is no descriptor is `EBADF`.
    private static func refusal(of descriptor: Int32) -> Int32? {
        var event = epoll_event()
        let error = errorNumber(epoll_ctl(descriptor, EPOLL_CTL_DEL, -1, &event))
        return [EPERM, EACCES, ENOSYS].contains(error) ? error : nil
    }

    deinit {
        NBLibc.close(descriptor)
        events.deallocate()
    }

    /// Begins to watch a descriptor. What is there already is told as if it had just come.
    func add(_ watched: Int32, _ interest: Interest, data: UInt64) -> Int32 {
        control(EPOLL_CTL_ADD, watched, interest.kinds, data)
    }

    /// The same for a descriptor that is watched.
    func renew(_ watched: Int32, _ interest: Interest, data: UInt64) -> Int32 {
        control(EPOLL_CTL_MOD, watched, interest.kinds, data)
    }

    /// Does not watch a descriptor any more. One that was not watched is no error.
    func remove(_ watched: Int32) { _ = control(EPOLL_CTL_DEL, watched, 0, 0) }

    private func control(_ request: Int32, _ watched: Int32, _ kinds: UInt32, _ data: UInt64) -> Int32 {
        var event = epoll_event()
        event.events = kinds | Self.edgeTriggered
        event.data.u64 = data
        return errorNumber(epoll_ctl(descriptor, request, watched, &event))
    }

    /// Waits until there are events, so long at the most, or for as long as it takes.
    ///
    /// - Returns: how many there are, or a negated error.
    func wait(nanoseconds: UInt64?) -> Int {
        guard let nanoseconds else { return result(epoll_wait(descriptor, events, Int32(Self.capacity), -1)) }
        guard nanoseconds > 0 else { return result(epoll_wait(descriptor, events, Int32(Self.capacity), 0)) }
        guard isPrecise else {
            let milliseconds = nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
            return result(epoll_wait(descriptor, events, Int32(Self.capacity), Int32(clamping: milliseconds)))
        }
        var time = timespec(nanoseconds: nanoseconds)
        return result(nb_server_epoll_pwait2(descriptor, events, Int32(Self.capacity), &time))
    }

    private func result(_ count: Int32) -> Int { count < 0 ? -Int(errno) : Int(count) }

    /// What an event says has come.
    func kinds(_ index: Int) -> UInt32 { events[index].events }

    /// With what its descriptor is watched.
    func data(_ index: Int) -> UInt64 { events[index].data.u64 }
}

extension EngineError {
    /// A descriptor of the engine's could not be made.
    static func noDescriptor(_ operation: String, _ errno: Int32) -> EngineError {
        let advice =
            switch errno {
            case EMFILE: "the process has no descriptor left; raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=)"
            case ENFILE: "the system has no descriptor left; raise fs.file-max, or close files"
            case ENOMEM: "the kernel has no memory for it; free some, or raise the memory limit"
            case ENOSYS, EPERM, EACCES: "a filter of system calls forbids it; allow it, as every common profile does"
            default: "see \(operation)(2)"
            }
        return EngineError(operation: operation, errno: errno, advice: advice)
    }

    /// The engine's own descriptor does not do what it was made for.
    static func epollLost(_ operation: String, _ errno: Int32) -> EngineError {
        let advice =
            switch errno {
            case EBADF, EINVAL:
                "the engine's descriptor was closed behind its back; close only descriptors that are yours"
            case ENOMEM, ENOSPC: "the kernel has no memory for one more registration; raise fs.epoll.max_user_watches"
            case ENOSYS, EPERM, EACCES: "a filter of system calls forbids it; allow it, as every common profile does"
            default: "see \(operation)(2)"
            }
        return EngineError(operation: operation, errno: errno, advice: advice)
    }
}
