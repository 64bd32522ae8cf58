import Glibc
import NBEngine

@testable import NBServer

extension SystemFacts {
    /// A system on which nothing limits a server, for tests to change.
    static var well: SystemFacts {
        SystemFacts(
            wanted: .automatic,
            engine: .success(.ring()),
            ring: .success(.ring()),
            environment: nil,
            release: "6.12.1-amd64",
            ringSwitch: .text("0"),
            ringGroup: .text("-1"),
            migration: .text("0"),
            status: .ofUser(),
            userMap: .text("0          0 4294967295"),
            descriptors: Limit(soft: 65_536, hard: 1 << 20),
            lockedMemory: Limit(soft: 8 << 20, hard: 8 << 20),
            backlog: .text("4096"),
            ports: .text("32768\t60999"),
            groupLimits: ControlGroupLimits(
                thousandthsOfProcessors: .success(nil),
                memory: .success(nil),
                threads: .success(nil)
            )
        )
    }

    /// The same without a ring: making one has failed.
    static func refused(_ operation: String, _ errno: Int32, wanted: EngineOptions.Choice = .automatic) -> SystemFacts {
        var facts = well
        let error = ServerError(.engineUnavailable, operation: operation, errno: errno, cure: "the cure")
        facts.wanted = wanted
        facts.engine = wanted == .ring ? .failure(error) : .success(.epoll)
        facts.ring = .failure(error)
        return facts
    }
}

extension EngineReport {
    /// A ring that has everything, unless it is said what it has not.
    static func ring(receives: Bool = true) -> EngineReport {
        var features = EngineFeatures(.ring, kernel: [6, 1], quantum: 256)
        features.acceptsMultishot = true
        features.receives = receives
        features.receivesMultishot = receives
        return EngineReport(features)
    }

    static var epoll: EngineReport { EngineReport(EngineFeatures(.epoll, kernel: [4, 1], quantum: 256)) }
}

extension SystemText {
    /// `/proc/self/status`, as far as it is read.
    static func ofUser(
        seccomp: Int = 0,
        capabilities: UInt64 = 0,
        group: Int = 1000,
        groups: String = "24 27 "
    ) -> SystemText {
        let lines = [
            "Name:\tnb-doctor", "Gid:\t\(group)\t\(group)\t\(group)\t\(group)", "Groups:\t\(groups)",
            "CapEff:\t\(String(capabilities, radix: 16))", "Seccomp:\t\(seccomp)", "Seccomp_filters:\t0",
        ]
        return SystemText(lines.joined(separator: "\n") + "\n")
    }
}
