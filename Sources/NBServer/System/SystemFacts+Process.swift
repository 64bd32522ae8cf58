// The limits of this process: descriptors and locked memory.

extension SystemFacts {
    /// As many connections as wait in one full accept queue, where `net.core.somaxconn` is the kernel's own.
    private static let fewDescriptors: UInt64 = 4096

    /// Three standard streams, the engine, what wakes it, a listener and one connection.
    private static let leastDescriptors: UInt64 = 7

    static let descriptorCures = [SystemCure](
        ulimit: "-n 65536",
        systemd: "LimitNOFILE=65536",
        docker: "nofile=65536:65536"
    )

    var descriptorFinding: SystemFinding {
        get throws(Unknown) {
            guard let descriptors else { throw Unknown("getrlimit does not tell RLIMIT_NOFILE") }
            let value = "\(descriptors.soft.orUnlimited) of at most \(descriptors.hard.orUnlimited)"
            guard descriptors.soft < Self.fewDescriptors else {
                return SystemFinding(.descriptors, value, .well, "each connection takes one")
            }
            guard descriptors.soft >= Self.leastDescriptors else {
                let verdict = "a server with one listener and one connection has \(Self.leastDescriptors)"
                return SystemFinding(.descriptors, value, .unable, verdict, Self.descriptorCures)
            }
            let verdict =
                "each connection takes one, so fewer than \(descriptors.soft) are open at a time; other clients wait"
            return SystemFinding(.descriptors, value, .limit, verdict, Self.descriptorCures)
        }
    }

    /// Two rings with default options, of which each locks 24 KiB (measured on Linux 6.18). One is the ring of a server that has just
    /// ended: the kernel gives its memory back some milliseconds late.
    private static let littleLockedMemory: UInt64 = 48 << 10

    static let lockedMemoryCures = [SystemCure](
        ulimit: "-l 8192",
        systemd: "LimitMEMLOCK=8M",
        docker: "memlock=8388608:8388608"
    )

    var lockedMemoryFinding: SystemFinding {
        get throws(Unknown) {
            guard let lockedMemory else { throw Unknown("getrlimit does not tell RLIMIT_MEMLOCK") }
            let value = lockedMemory.soft.asByteCount
            if (try? hasCapability(Capabilities.lockingMemory)) == true {
                return SystemFinding(
                    .lockedMemory,
                    value,
                    .well,
                    "not counted for this process, which has CAP_IPC_LOCK"
                )
            }
            guard lockedMemory.soft < Self.littleLockedMemory else {
                return SystemFinding(.lockedMemory, value, .well, "a ring with default options takes 24 KiB")
            }
            let verdict = "a ring with default options takes 24 KiB, and keeps it for some milliseconds after its end"
            return SystemFinding(.lockedMemory, value, .limit, verdict, Self.lockedMemoryCures)
        }
    }
}

extension UInt64 {
    /// A limit, where the greatest number means that there is none.
    fileprivate var orUnlimited: String { self == .max ? "unlimited" : "\(self)" }

    /// The same of bytes, in the greatest unit of which it is a whole number.
    var asByteCount: String {
        if self == .max { return "unlimited" }
        let units = ["bytes", "KiB", "MiB", "GiB"]
        var (count, unit) = (self, 0)
        while count >= 1024, count % 1024 == 0, unit < units.count - 1 { (count, unit) = (count / 1024, unit + 1) }
        return "\(count) \(units[unit])"
    }
}
