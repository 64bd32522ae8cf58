// The kernel's version, and the faults of kernels that servers meet.

extension SystemFacts {
    var kernelFinding: SystemFinding {
        get throws(Unknown) {
            guard let version = KernelVersion(release: release) else {
                throw Unknown("the kernel calls itself \(release.inQuotes), which is no version")
            }
            guard version >= KernelVersion(4, 1) else {
                return SystemFinding(
                    .kernel,
                    release,
                    .limit,
                    "before Linux 4.1 a server cannot tell that a peer takes what is sent"
                )
            }
            if case .success(let report) = engine, !report.receives {
                let verdict = "workers receive nothing on a ring before Linux 5.18; on epoll they do"
                return SystemFinding(.kernel, release, .limit, verdict, epollCures)
            }
            return SystemFinding(.kernel, release, .well, notes(version).joined(separator: "; "))
        }
    }

    private func notes(_ version: KernelVersion) -> [String] {
        var notes: [String] = []
        if case .success(let report) = engine {
            notes.append("the engine uses what Linux has had since \(report.kernel.major).\(report.kernel.minor)")
            if report.kind == .ring, report.receivesMultishot, version < KernelVersion(7, 0) {
                notes.append(
                    "a receive may miss the end of its stream before Linux 7.0 and its stable fixes of March 2026, "
                        + "so keep a time limit on workers"
                )
            }
        } else {
            notes.append("no engine uses it")
        }
        if migration == .text("1") {
            notes.append(
                "net.ipv4.tcp_migrate_req is 1: before the stable kernels of May 2026 a listener may sleep over a connection "
                    + "that was moved to it"
            )
        }
        return notes
    }
}

extension KernelVersion {
    /// The version at the beginning of a release such as `6.1.0-18-amd64`, `6.1-rc3` or `5.14.0+`.
    init?(release: String) {
        let parts = release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
            return nil
        }
        self.init(major, minor)
    }
}
