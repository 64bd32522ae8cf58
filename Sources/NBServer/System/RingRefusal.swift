internal import NBLibc
internal import NBUring

/// What it is that refuses a ring: more than the error says, since the switch, the filters and the limits are known as well.
/// A value.
struct RingRefusal {
    /// In a few words: `filtered`.
    let name: String
    let verdict: String
    let cures: [SystemCure]

    private init(_ name: String, _ verdict: String, _ cures: [SystemCure] = []) {
        self.name = name
        self.verdict = verdict
        self.cures = cures
    }

    /// Explains the error of making a ring.
    init(_ error: ServerError, _ facts: SystemFacts) {
        let isFiltered = facts.isFiltered
        let refused = "\(error.operation): \(error.errno.map(errorText) ?? error.cure)"
        switch (error.operation, error.errno) {
        case ("io_uring_setup", EPERM) where facts.isSwitchedOff:
            self = .switchedOff(facts)
        case ("io_uring_setup", ENOSYS) where !isFiltered:
            self.init(
                "absent",
                "\(refused): the kernel is older than Linux 5.1 or built without it, or a sandbox hides it"
            )
        case ("io_uring_setup", ENOMEM), ("io_uring_setup", EAGAIN):
            let verdict =
                "\(refused): a ring with default options takes 24 KiB of locked memory (measured on Linux 6.18)"
            self.init("out of locked memory", verdict, SystemFacts.lockedMemoryCures)
        case (_, EMFILE):
            self.init("out of descriptors", refused, SystemFacts.descriptorCures)
        case (_, ENFILE):
            self.init("out of descriptors", refused, [SystemCure(.shell, "sysctl -w fs.file-max=1000000")])
        case (_, .some) where isFiltered && error.code == .engineUnavailable:
            self.init("filtered", "\(refused): a seccomp filter answers it", Self.profileCures)
        case (_, .some) where error.code == .engineUnavailable:
            self.init("refused", "\(error)", Self.profileCures)
        default:
            self.init("unavailable", "\(error)")
        }
    }

    private static func switchedOff(_ facts: SystemFacts) -> RingRefusal {
        let isForGroup = facts.ringSwitch == .text("1")
        let setting = "kernel.io_uring_disabled=0"
        var shell = "sysctl -w \(setting)"
        if isForGroup, case .text(let group) = facts.ringGroup, let number = UInt32(group) {
            shell += ", or usermod -aG \"$(getent group \(number) | cut -d : -f 1)\" \"$USER\" and a new login"
        }
        let verdict =
            isForGroup
            ? "kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and the group of kernel.io_uring_group may make a ring"
            : "kernel.io_uring_disabled is 2: no process may make a ring"
        let cures = [SystemCure](
            shell: shell,
            systemd: "echo '\(setting)' >>/etc/sysctl.d/60-nb-server.conf && sysctl --system",
            docker: "sysctl -w \(setting) on the host",
            kubernetes: "sysctl -w \(setting) on the node"
        )
        return RingRefusal("switched off", verdict, cures)
    }

    /// The profile comes with the library, in `Examples/Deployment`.
    private static let profileCures = [SystemCure](
        systemd: "SystemCallFilter=@system-service, which has the three calls, or add @aio to the list there is",
        docker: "docker run --security-opt seccomp=Examples/Deployment/seccomp.json",
        kubernetes: "securityContext.seccompProfile: {type: Localhost, localhostProfile: nb-server/seccomp.json}"
    )
}

extension SystemFacts {
    /// Whether system calls of this process go through a filter. `seccomp(2)`.
    fileprivate var isFiltered: Bool { (try? status("Seccomp")) == "2" }

    /// Whether `kernel.io_uring_disabled` keeps this process from making a ring.
    fileprivate var isSwitchedOff: Bool {
        switch ringSwitch {
        case .text("2"): true
        case .text("1"): !mayUsePrivilegedRing
        default: false
        }
    }

    /// As the kernel asks.
    private var mayUsePrivilegedRing: Bool {
        let administration = 21  // CAP_SYS_ADMIN
        if (try? hasCapability(administration)) == true { return true }
        guard case .text(let group) = ringGroup else { return false }
        let words = [try? status("Groups"), try? status("Gid")].compactMap { $0 }
        return words.contains { $0.split(whereSeparator: \.isWhitespace).contains { $0 == group } }
    }
}
