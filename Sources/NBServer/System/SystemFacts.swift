internal import NBEngine
internal import NBLibc

/// What the system says of itself, read and not judged. Judgments are in `SystemFacts+….swift`, a file for each topic.
///
/// A value; tests make their own.
struct SystemFacts: Sendable {
    /// A limit of this process, as `getrlimit(2)` has it; `UInt64.max` is none.
    struct Limit: Hashable, Sendable {
        var soft: UInt64
        var hard: UInt64
    }

    /// Which engine the options ask for.
    var wanted: EngineOptions.Choice
    /// What making the server's engine came to.
    var engine: Result<EngineReport, ServerError>
    /// What making a ring came to, whether one is wanted or not.
    var ring: Result<EngineReport, ServerError>
    /// `NB_SERVER_ENGINE`.
    var environment: String?
    /// As `uname -r` has it: `6.1.0-18-amd64`.
    var release: String
    /// `kernel.io_uring_disabled`, Linux 6.6.
    var ringSwitch: SystemText
    /// `kernel.io_uring_group`.
    var ringGroup: SystemText
    /// `net.ipv4.tcp_migrate_req`.
    var migration: SystemText
    /// `/proc/self/status`.
    var status: SystemText
    /// `/proc/self/uid_map`.
    var userMap: SystemText
    var descriptors: Limit?
    var lockedMemory: Limit?
    /// `net.core.somaxconn`.
    var backlog: SystemText
    /// `net.ipv4.ip_local_port_range`.
    var ports: SystemText
    var groupLimits: ControlGroupLimits
}

extension SystemFacts {
    /// Looks, with files read by `read`.
    init(_ options: ServerOptions, read: (String) -> SystemText = SystemText.read) {
        // Before the engine takes descriptors, of which there may be few.
        status = read("/proc/self/status")
        userMap = read("/proc/self/uid_map")
        ringSwitch = read("/proc/sys/kernel/io_uring_disabled")
        ringGroup = read("/proc/sys/kernel/io_uring_group")
        migration = read("/proc/sys/net/ipv4/tcp_migrate_req")
        backlog = read("/proc/sys/net/core/somaxconn")
        ports = read("/proc/sys/net/ipv4/ip_local_port_range")
        groupLimits = ControlGroupLimits(read: read)
        release = Self.release
        descriptors = Self.limit { getrlimit(descriptorLimit, &$0) }
        lockedMemory = Self.limit { getrlimit(lockedMemoryLimit, &$0) }
        environment = ChosenEngine.environment
        wanted = options.engine.choice
        engine = Self.report(options)
        if case .success(let report) = engine, report.kind == .ring {
            ring = engine
        } else {
            var options = options
            options.engine.choice = .ring
            ring = Self.report(options)
        }
    }

    /// Makes an engine as a server does, and ends it.
    private static func report(_ options: ServerOptions) -> Result<EngineReport, ServerError> {
        do throws(ServerError) {
            try options.expectValid()
            let engine = try ChosenEngine(options)
            return .success(EngineReport(engine.features))
        } catch {
            return .failure(error)
        }
    }

    static func limit(_ get: (inout rlimit) -> Int32) -> Limit? {
        var limit = rlimit()
        guard get(&limit) == 0 else { return nil }
        return Limit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
    }

    private static var release: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

extension SystemFacts {
    /// What there is to say about a subject.
    func finding(about subject: SystemFinding.Subject) throws(Unknown) -> SystemFinding {
        switch subject {
        case .engine: engineFinding
        case .environment: environmentFinding
        case .ring: ringFinding
        case .kernel: try kernelFinding
        case .descriptors: try descriptorFinding
        case .lockedMemory: try lockedMemoryFinding
        case .backlog: try backlogFinding
        case .ports: try portFinding
        case .processors: try processorFinding
        case .memory: try memoryFinding
        case .threads: try threadFinding
        }
    }

    /// A line of `/proc/self/status`, without its name.
    func status(_ name: String) throws(Unknown) -> Substring { try status.statusLine(name) }

    /// Whether this process has a capability that counts for the whole system.
    func hasCapability(_ number: Int) throws(Unknown) -> Bool {
        try Capabilities(status: status, userMap: userMap).includes(number)
    }
}
