import Glibc
import Testing

@testable import NBServer

/// What is said of a system: each limit above and below where it bites, each way in which a ring is refused.
@Suite struct SystemReportTests {
    private typealias Severity = SystemFinding.Severity

    private func finding(
        _ subject: SystemFinding.Subject,
        of facts: SystemFacts = .well,
        _ change: (inout SystemFacts) -> Void = { _ in }
    ) -> SystemFinding {
        var facts = facts
        change(&facts)
        return SystemReport(facts)[subject]
    }

    @Test func whereNothingLimitsAServerEverythingIsWell() {
        let report = SystemReport(.well)
        #expect(report.findings.map(\.subject) == SystemFinding.Subject.allCases)
        #expect(report.severity == .well)
        #expect(report.findings.allSatisfy { $0.severity == .well && $0.cures.isEmpty })
        #expect(report[.engine].value == "io_uring")
        #expect(report[.ring].value == "available")
        #expect(report[.environment].value == "not set")
        #expect(report[.kernel].value == "6.12.1-amd64")
    }

    /// The keys are what programs know a finding by.
    @Test func keysStayAsTheyAre() {
        let keys = SystemFinding.Subject.allCases.map(\.rawValue)
        let expected = [
            "engine", "NB_SERVER_ENGINE", "io_uring", "kernel", "descriptors", "locked_memory", "somaxconn",
            "port_range", "cgroup_cpu", "cgroup_memory", "cgroup_pids",
        ]
        #expect(keys == expected)
        #expect(Severity.allCases.map(\.rawValue) == [0, 1, 2])
        #expect(Severity.allCases.map(\.description) == ["well", "limit", "unable"])
        #expect(SystemCure.Place.allCases.map(\.rawValue) == ["shell", "systemd", "docker", "kubernetes"])
    }

    @Test(arguments: [
        (0, 0, Severity.unable, "0 of at most 0"), (6, 6, .unable, "6 of at most 6"), (7, 7, .limit, "7 of at most 7"),
        (1024, 524_288, .limit, "1024 of at most 524288"), (4095, 4096, .limit, "4095 of at most 4096"),
        (4096, 4096, .well, "4096 of at most 4096"), (UInt64.max, .max, .well, "unlimited of at most unlimited"),
    ])
    func descriptors(soft: UInt64, hard: UInt64, severity: SystemFinding.Severity, value: String) {
        let found = finding(.descriptors) { $0.descriptors = .init(soft: soft, hard: hard) }
        #expect(found.value == value)
        #expect(found.severity == severity)
        let texts = [
            "ulimit -n 65536", "LimitNOFILE=65536", "docker run --ulimit nofile=65536:65536",
            "LimitNOFILE=65536 in the unit of the node's container runtime: a pod has no field for it",
        ]
        #expect(found.cures.map(\.text) == (severity == .well ? [] : texts))
    }

    /// A process with `CAP_IPC_LOCK` locks as much as it likes.
    @Test(arguments: [
        (0, 0, Severity.limit, "0 bytes"), ((48 << 10) - 1, 0, .limit, "49151 bytes"), (48 << 10, 0, .well, "48 KiB"),
        (.max, 0, .well, "unlimited"), (0, 1 << 14, .well, "0 bytes"), (0, 1 << 21, .limit, "0 bytes"),
    ])
    func lockedMemory(soft: UInt64, capabilities: UInt64, severity: SystemFinding.Severity, value: String) {
        let found = finding(.lockedMemory) {
            $0.lockedMemory = .init(soft: soft, hard: soft)
            $0.status = .ofUser(capabilities: capabilities)
        }
        #expect(found.value == value)
        #expect(found.severity == severity)
        let texts = ["ulimit -l 8192", "LimitMEMLOCK=8M", "docker run --ulimit memlock=8388608:8388608"]
        #expect(found.cures.prefix(3).map(\.text) == (severity == .well ? [] : texts))
    }

    /// A capability of a user namespace is none to the kernel's accounts of memory.
    @Test(arguments: [("0 0 4294967295", Severity.well), ("0 100000 65536", .limit), ("0 0 1", .limit)])
    func lockedMemoryInAUserNamespace(map: String, severity: SystemFinding.Severity) {
        let found = finding(.lockedMemory) {
            $0.lockedMemory = .init(soft: 0, hard: 0)
            $0.status = .ofUser(capabilities: .max)
            $0.userMap = .text(map)
        }
        #expect(found.severity == severity)
    }

    @Test(arguments: [("128", Severity.limit), ("4095", .limit), ("4096", .well), ("2147483647", .well)])
    func backlog(length: String, severity: SystemFinding.Severity) {
        let found = finding(.backlog) { $0.backlog = .text(length) }
        #expect(found.value == length)
        #expect(found.severity == severity)
        let texts = [
            "sysctl -w net.core.somaxconn=\"4096\"",
            "echo 'net.core.somaxconn=4096' >>/etc/sysctl.d/60-nb-server.conf && sysctl --system",
            "docker run --sysctl net.core.somaxconn=\"4096\"",
            "securityContext.sysctls: [{name: net.core.somaxconn, value: \"4096\"}], "
                + "which the kubelet allows with --allowed-unsafe-sysctls=net.core.somaxconn",
        ]
        #expect(found.cures.map(\.text) == (severity == .well ? [] : texts))
    }

    @Test(arguments: [
        ("32768\t60999", "32768-60999", Severity.well), ("32769\t60999", "32769-60999", .limit),
        ("1024\t65535", "1024-65535", .well), ("40000\t40000", "40000-40000", .limit), ("2\t1", "2-1", .limit),
    ])
    func ports(range: String, value: String, severity: SystemFinding.Severity) {
        let found = finding(.ports) { $0.ports = SystemText(range) }
        #expect(found.value == value)
        #expect(found.severity == severity)
        #expect(found.cures.count == (severity == .well ? 0 : 4))
    }

    @Test(arguments: ["-1 60999", "32768 65536", "\(Int.min) \(Int.max)"])
    func whatAreNoPortsIsNotKnown(range: String) {
        let found = finding(.ports) { $0.ports = .text(range) }
        #expect(found.value == "unknown")
        #expect(found.verdict == "net.ipv4.ip_local_port_range reads \"\(range)\", which are no ports")
    }

    @Test(arguments: [
        (nil, "no limit", Severity.well), (999, "0.999 processors", .limit), (50, "0.050 processors", .limit),
        (1000, "1.000 processors", .well), (2500, "2.500 processors", .well),
    ])
    func processors(thousandths: Int?, value: String, severity: SystemFinding.Severity) {
        let found = finding(.processors) { $0.groupLimits.thousandthsOfProcessors = .success(thousandths) }
        #expect(found.value == value)
        #expect(found.severity == severity)
        let texts = ["CPUQuota=100%", "docker run --cpus 1", "resources.limits.cpu: \"1\""]
        #expect(found.cures.map(\.text) == (severity == .well ? [] : texts))
    }

    @Test(arguments: [
        (nil, "no limit", Severity.well), (64 << 20, "64 MiB", .limit), ((128 << 20) - 1, "134217727 bytes", .limit),
        (128 << 20, "128 MiB", .well), (3 << 30, "3 GiB", .well),
    ])
    func memory(bytes: UInt64?, value: String, severity: SystemFinding.Severity) {
        let found = finding(.memory) { $0.groupLimits.memory = .success(bytes) }
        #expect(found.value == value)
        #expect(found.severity == severity)
        #expect(found.cures.count == (severity == .well ? 0 : 3))
    }

    @Test(arguments: [
        (nil, "no limit", Severity.well), (0, "0 threads", .limit), (15, "15 threads", .limit),
        (16, "16 threads", .well),
    ])
    func threads(count: UInt64?, value: String, severity: SystemFinding.Severity) {
        let found = finding(.threads) { $0.groupLimits.threads = .success(count) }
        #expect(found.value == value)
        #expect(found.severity == severity)
        #expect(found.cures.count == (severity == .well ? 0 : 3))
    }

    /// No trap, and no severity: the reason stands where the verdict would.
    @Test func whatCannotBeReadIsUnknown() {
        var facts = SystemFacts.well
        facts.descriptors = nil
        facts.lockedMemory = nil
        facts.backlog = .unreadable("Permission denied (errno 13)")
        facts.ports = .text("1 2 3")
        facts.userMap = .absent
        facts.release = "generic"
        facts.status = .absent
        facts.ringSwitch = .absent
        facts.migration = .absent
        let reason = Unknown("no control group of cpu is mounted")
        facts.groupLimits = .init(
            thousandthsOfProcessors: .failure(reason),
            memory: .failure(reason),
            threads: .failure(reason)
        )
        let report = SystemReport(facts)
        #expect(report.severity == .well)
        let unknown = report.findings.filter { $0.value == "unknown" }
        #expect(unknown.map(\.subject) == Array(SystemFinding.Subject.allCases.dropFirst(3)))
        #expect(report[.backlog].verdict == "net.core.somaxconn cannot be read: Permission denied (errno 13)")
        #expect(report[.ports].verdict == "net.ipv4.ip_local_port_range reads \"1 2 3\"")
        #expect(report[.kernel].verdict == "the kernel calls itself \"generic\", which is no version")
        #expect(report[.memory].verdict == reason.reason)
        facts.status = .text("")
        facts.lockedMemory = .init(soft: 0, hard: 0)
        #expect(SystemReport(facts)[.lockedMemory].severity == .limit)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var operation = "io_uring_setup"
        var errno: Int32
        var ringSwitch = SystemText.text("0")
        var status = SystemText.ofUser()
        var name: String
        /// What the verdict has.
        var words: String
        /// What the first cure is, or `nil` if there is none to type.
        var cure: String?
        var testDescription: String { "\(operation) \(errno) \(name)" }
    }

    private static let sysctl = "sysctl -w kernel.io_uring_disabled=0"
    private static let profile =
        "SystemCallFilter=@system-service, which has the three calls, or add @aio to the list there is"

    @Test(arguments: [
        Refusal(errno: ENOSYS, name: "absent", words: "built without it, or a sandbox hides it"),
        Refusal(errno: ENOSYS, status: .ofUser(seccomp: 2), name: "filtered", words: "a seccomp filter", cure: profile),
        Refusal(errno: EPERM, status: .ofUser(seccomp: 2), name: "filtered", words: "a seccomp filter", cure: profile),
        Refusal(errno: EPERM, name: "refused", words: "the cure", cure: profile),
        Refusal(errno: EACCES, name: "refused", words: "the cure", cure: profile),
        Refusal(errno: EPERM, ringSwitch: .text("2"), name: "switched off", words: "disabled is 2", cure: sysctl),
        // Root as well.
        Refusal(
            errno: EPERM,
            ringSwitch: .text("2"),
            status: .ofUser(seccomp: 2, capabilities: .max),
            name: "switched off",
            words: "disabled is 2",
            cure: sysctl
        ),
        Refusal(errno: EPERM, ringSwitch: .text("1"), name: "switched off", words: "CAP_SYS_ADMIN", cure: sysctl),
        // One who may is refused by something else.
        Refusal(
            errno: EPERM,
            ringSwitch: .text("1"),
            status: .ofUser(seccomp: 2, capabilities: 1 << 21),
            name: "filtered",
            words: "a seccomp filter",
            cure: profile
        ),
        Refusal(errno: EPERM, ringSwitch: .absent, name: "refused", words: "the cure", cure: profile),
        Refusal(errno: ENOMEM, name: "out of locked memory", words: "24 KiB of locked memory", cure: "ulimit -l 8192"),
        Refusal(errno: EMFILE, name: "out of descriptors", words: "Too many open files", cure: "ulimit -n 65536"),
        Refusal(
            errno: ENFILE,
            name: "out of descriptors",
            words: "Too many open",
            cure: "sysctl -w fs.file-max=1000000"
        ),
        Refusal(
            operation: "io_uring_enter",
            errno: EPERM,
            ringSwitch: .text("2"),
            status: .ofUser(seccomp: 2),
            name: "filtered",
            words: "io_uring_enter: Operation not permitted (errno 1): a seccomp filter",
            cure: profile
        ),
        Refusal(
            operation: "io_uring operation cancel",
            errno: EACCES,
            name: "refused",
            words: "the cure",
            cure: profile
        ),
    ])
    func whatRefusesARing(refusal: Refusal) {
        var facts = SystemFacts.refused(refusal.operation, refusal.errno)
        facts.ringSwitch = refusal.ringSwitch
        facts.status = refusal.status
        let report = SystemReport(facts)
        #expect(report[.engine].value == "epoll")
        #expect(report[.engine].severity == .well)
        let found = report[.ring]
        #expect(found.value == refusal.name)
        #expect(found.verdict.contains(refusal.words), "\(found.verdict)")
        #expect(found.severity == .limit)
        #expect(found.cures.first?.text == refusal.cure)
        #expect(report.severity == .limit)
    }

    /// By name where the group has one; a number only the shell can look up.
    @Test(arguments: [("-1", "24 27 ", false), ("1000", "24 ", true), ("27", "24 27 ", true), ("2", "24 27 ", false)])
    func theGroupThatMayMakeARing(group: String, groups: String, isMember: Bool) {
        var facts = SystemFacts.refused("io_uring_setup", EPERM)
        facts.ringSwitch = .text("1")
        facts.ringGroup = .text(group)
        facts.status = .ofUser(groups: groups)
        let found = SystemReport(facts)[.ring]
        #expect(found.value == (isMember ? "refused" : "switched off"))
        if group == "2" { #expect(found.cures.first?.text.contains("getent group 2 ") == true) }
        if group == "-1" { #expect(found.cures.first?.text == Self.sysctl) }
    }

    @Test func aServerThatWantsARingCannotRunWithoutOne() {
        for (wanted, environment) in [(EngineOptions.Choice.ring, nil), (.automatic, "ring")] as [(_, String?)] {
            var facts = SystemFacts.refused("io_uring_setup", EPERM, wanted: .ring)
            facts.wanted = wanted
            facts.environment = environment
            let report = SystemReport(facts)
            #expect(report.severity == .unable)
            #expect(report[.engine].severity == .unable)
            #expect(report[.engine].value == "none")
            // A program that asks for the ring itself does not read the environment.
            let cure = wanted == .automatic ? "export NB_SERVER_ENGINE=epoll" : nil
            #expect(report[.engine].cures.first?.text == cure)
            #expect(report[.ring].severity == .unable)
        }
    }

    @Test func aServerThatWantsEpollDoesNotMindThatThereIsNoRing() {
        for (wanted, environment) in [(EngineOptions.Choice.epoll, nil), (.automatic, "epoll")] as [(_, String?)] {
            var facts = SystemFacts.refused("io_uring_setup", EPERM)
            facts.wanted = wanted
            facts.environment = environment
            #expect(SystemReport(facts).severity == .well)
            #expect(SystemReport(facts)[.ring].value == "refused")
        }
    }

    @Test func anUnknownEngineInTheEnvironmentIsAFaultOfTheEnvironment() {
        var facts = SystemFacts.well
        facts.environment = "uring"
        facts.engine = .failure(
            ServerError(.invalidOption, operation: "NB_SERVER_ENGINE", cure: "\"uring\" is no engine")
        )
        let report = SystemReport(facts)
        #expect(report[.environment].value == "\"uring\"")
        #expect(report[.environment].severity == .unable)
        #expect(report[.environment].cures.first?.text == "unset NB_SERVER_ENGINE")
        #expect(report[.engine].severity == .unable)
        #expect(report[.ring].severity == .well)
        // A program that asks for an engine does not read it.
        facts.wanted = .ring
        facts.engine = .success(.ring())
        #expect(SystemReport(facts).severity == .well)
    }

    @Test func anOptionThatIsOutOfItsRangeIsAnEngineThatCannotBeMade() {
        let report = SystemReport(for: ServerOptions(quantum: 0))
        #expect(report[.engine].severity == .unable)
        #expect(report[.engine].verdict.contains("ServerOptions.quantum: 0 is out of range"))
    }

    @Test func aKernelOnWhichWorkersDoNotReceive() {
        let found = finding(.kernel) {
            $0.release = "5.15.0-91-generic"
            $0.engine = .success(.ring(receives: false))
        }
        #expect(found.severity == .limit)
        #expect(found.cures.first?.text == "export NB_SERVER_ENGINE=epoll")
        #expect(finding(.kernel) { $0.release = "3.10.0-1160.el7" }.severity == .limit)
    }

    /// Only what is known of that version, and only if the server meets it.
    @Test func faultsOfKernels() {
        let end = "a receive may miss the end of its stream"
        #expect(finding(.kernel) { $0.release = "6.18.3" }.verdict.contains(end))
        #expect(!finding(.kernel) { $0.release = "7.0.0" }.verdict.contains(end))
        #expect(!finding(.kernel) { $0.engine = .success(.epoll) }.verdict.contains(end))
        #expect(finding(.kernel) { $0.migration = .text("1") }.verdict.contains("tcp_migrate_req"))
        #expect(!finding(.kernel).verdict.contains("tcp_migrate_req"))
    }

    /// What is this machine's, is not expected here; but there is a finding for each subject, and each is one line.
    @Test func thisMachineIsLookedAt() {
        let report = SystemReport()
        #expect(report.findings.map(\.subject) == SystemFinding.Subject.allCases)
        for finding in report.findings {
            #expect(!finding.description.contains("\n"))
            #expect(!finding.verdict.isEmpty)
        }
        #expect(report[.engine].value == "io_uring" || report[.engine].value == "epoll")
    }
}
