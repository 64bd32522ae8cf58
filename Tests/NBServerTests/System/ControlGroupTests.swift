import Testing

@testable import NBServer

/// Which control groups a process is in, and the least of their limits, in either version. Texts stand in for the kernel's files.
@Suite struct ControlGroupTests {
    private static let version2 = "30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    private static let version1 = [
        "31 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct",
        "32 24 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory",
        "33 24 0:30 / /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids",
    ].joined(separator: "\n")
    private static let none = ControlGroupLimits(
        thousandthsOfProcessors: .success(nil),
        memory: .success(nil),
        threads: .success(nil)
    )

    private func limits(_ files: [String: String], groups: String, mounts: String) -> ControlGroupLimits {
        let own = ["/proc/self/cgroup": groups, "/proc/self/mountinfo": mounts]
        return ControlGroupLimits { path in (files[path] ?? own[path]).map { SystemText($0) } ?? .absent }
    }

    @Test func theRootHasNoLimits() {
        #expect(limits([:], groups: "0::/\n", mounts: Self.version2) == Self.none)
        let files = ["/sys/fs/cgroup/a/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/memory.max": "max\n"]
        #expect(limits(files, groups: "0::/a\n", mounts: Self.version2) == Self.none)
    }

    @Test func theLeastOfAGroupAndThoseAboveItCounts() {
        let files = [
            "/sys/fs/cgroup/a/cpu.max": "50000 100000", "/sys/fs/cgroup/a/b/cpu.max": "300000 100000",
            "/sys/fs/cgroup/a/memory.max": "max", "/sys/fs/cgroup/a/b/memory.max": "67108864",
            "/sys/fs/cgroup/a/pids.max": "8", "/sys/fs/cgroup/a/b/pids.max": "max",
            // Of a group below, and of another.
            "/sys/fs/cgroup/a/b/c/pids.max": "1", "/sys/fs/cgroup/b/pids.max": "1",
        ]
        let found = limits(files, groups: "0::/a/b\n", mounts: Self.version2)
        #expect(found.thousandthsOfProcessors == .success(500))
        #expect(found.memory == .success(64 << 20))
        #expect(found.threads == .success(8))
    }

    @Test func version1HasAFolderForEachController() {
        let files = [
            "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "150000",
            "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/memory/b/memory.limit_in_bytes": "104857600",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "/sys/fs/cgroup/pids/pids.max": "max",
        ]
        let groups = "5:pids:/\n4:memory:/b\n3:cpu,cpuacct:/a\n1:name=systemd:/\n0::/\n"
        // A machine may have both versions, and a controller in one of them.
        let found = limits(files, groups: groups, mounts: Self.version1 + "\n" + Self.version2)
        #expect(found.thousandthsOfProcessors == .success(1500))
        #expect(found.memory == .success(100 << 20))
        #expect(found.threads == .success(nil))
    }

    @Test(arguments: ["4:memory:/docker/id", "4:memory:/docker/id/", "4:memory:/elsewhere"])
    func inAContainerOnlyAPartIsMounted(group: String) {
        let mounts = "32 24 0:29 /docker/id /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"
        let files = ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576"]
        #expect(limits(files, groups: group, mounts: mounts).memory == .success(1 << 20))
    }

    @Test func whatIsNotMountedIsNotKnown() {
        let reason = Unknown("no control group of cpu is mounted")
        #expect(limits([:], groups: "0::/\n", mounts: "").thousandthsOfProcessors == .failure(reason))
        #expect(limits([:], groups: "", mounts: Self.version2).thousandthsOfProcessors == .failure(reason))
        let outside = limits([:], groups: "0::/../a\n", mounts: Self.version2).threads
        #expect(outside == .failure(Unknown("the control group /../a lies outside of what is mounted here")))
        let none = ControlGroupLimits { _ in .absent }
        #expect(none.memory == .failure(Unknown("/proc/self/cgroup is not there")))
        let forbidden = ControlGroupLimits { _ in .unreadable("Permission denied (errno 13)") }
        let denied = Unknown("/proc/self/cgroup cannot be read: Permission denied (errno 13)")
        #expect(forbidden.threads == .failure(denied))
    }

    /// Lines that are cut, doubled or of another kind are passed over, and numbers that are none are not known.
    @Test func whatIsNotWhatItShouldBeIsNotATrap() {
        let noise = [
            "", "0", "0:", ":::", "30 24 -", "- - - -", "30 24 0:27 / /x rw -", "30 24 0:27 / /x rw - cgroup2",
        ]
        for line in noise {
            let found = limits([:], groups: "\(line)\n0::/\n", mounts: "\(line)\n\(Self.version2)\n")
            #expect(found == Self.none, "\(line)")
        }
        for quota in ["", "x 100000", "1", "1 0", "0 1", "-5 100000", "1 2 3"] {
            let found = limits(["/sys/fs/cgroup/cpu.max": quota], groups: "0::/", mounts: Self.version2)
            #expect(throws: Unknown.self, "\(quota)") { try found.thousandthsOfProcessors.get() }
        }
        let much = limits(["/sys/fs/cgroup/cpu.max": "\(Int.max) 1"], groups: "0::/", mounts: Self.version2)
        #expect(much.thousandthsOfProcessors == .success(nil))
    }
}
