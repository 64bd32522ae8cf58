/// What a ``SystemReport`` found about one subject.
public struct SystemFinding: Hashable, Sendable, CustomStringConvertible {
    /// The subject of a finding. The raw value is a key that does not change.
    public enum Subject: String, CaseIterable, Hashable, Sendable {
        /// The engine that a server would run on, and why.
        case engine
        /// The engine that the environment asks for (``EngineOptions/Choice/automatic``).
        case environment = "NB_SERVER_ENGINE"
        /// Whether a ring can be made, and if not, what refuses it. Found by making one. `io_uring_setup(2)`.
        case ring = "io_uring"
        /// The kernel's version, which of its features the engine uses, and known faults of kernels. `uname(2)`.
        case kernel
        /// How many descriptors the process may have. `RLIMIT_NOFILE`, `getrlimit(2)`.
        case descriptors
        /// How much memory the process may lock. `RLIMIT_MEMLOCK`, `getrlimit(2)`.
        case lockedMemory = "locked_memory"
        /// The longest accept queue. `net.core.somaxconn`, `listen(2)`.
        case backlog = "somaxconn"
        /// The ports of connections that begin on this machine. `net.ipv4.ip_local_port_range`, `ip(7)`.
        case ports = "port_range"
        /// The processor time that the control group grants. `cgroups(7)`.
        case processors = "cgroup_cpu"
        /// The memory that the control group grants. `cgroups(7)`.
        case memory = "cgroup_memory"
        /// How many threads the control group may have. `cgroups(7)`.
        case threads = "cgroup_pids"
    }

    /// How severe a finding is.
    public enum Severity: Int, Comparable, CaseIterable, Hashable, Sendable, CustomStringConvertible {
        /// Nothing needs to be done, or nothing is known.
        case well
        /// A server runs, and will meet a limit.
        case limit
        /// A server cannot run.
        case unable

        /// Whether `milder` is less severe than `worse`.
        public static func < (milder: Severity, worse: Severity) -> Bool { milder.rawValue < worse.rawValue }

        /// `well`, `limit` or `unable`.
        public var description: String {
            switch self {
            case .well: "well"
            case .limit: "limit"
            case .unable: "unable"
            }
        }
    }

    /// The subject.
    public let subject: Subject
    /// The value that was found, in a few words: `256 of at most 20000`.
    public let value: String
    /// How severe the finding is.
    public let severity: Severity
    /// What the finding means for a server, in one line.
    public let verdict: String
    /// What to type to change it, for each place where it can be changed. Empty if nothing needs to be changed.
    public let cures: [SystemCure]

    init(_ subject: Subject, _ value: String, _ severity: Severity, _ verdict: String, _ cures: [SystemCure] = []) {
        self.subject = subject
        self.value = value
        self.severity = severity
        self.verdict = verdict
        self.cures = severity == .well ? [] : cures
    }

    /// A finding about what could not be read.
    init(about subject: Subject, unknown: Unknown) {
        self.init(subject, "unknown", .well, unknown.reason)
    }

    /// The finding in one line, without its cures.
    public var description: String { "\(subject.rawValue): \(value): \(severity): \(verdict)" }
}
