// The limits of the control groups that this process is in.

extension SystemFacts {
    var processorFinding: SystemFinding {
        get throws(Unknown) {
            guard let thousandths = try groupLimits.thousandthsOfProcessors.get() else {
                return SystemFinding(.processors, "no limit", .well, "a server takes one processor")
            }
            let value = "\(thousandths / 1000).\("\(thousandths % 1000 + 1000)".dropFirst()) processors"
            guard thousandths < 1000 else {
                return SystemFinding(.processors, value, .well, "a server takes one processor")
            }
            let verdict =
                "a server takes one processor, and is halted for the rest of each period when its share is used up"
            let cures = [SystemCure](
                systemd: "CPUQuota=100%",
                docker: "docker run --cpus 1",
                kubernetes: "resources.limits.cpu: \"1\""
            )
            return SystemFinding(.processors, value, .limit, verdict, cures)
        }
    }

    var memoryFinding: SystemFinding {
        get throws(Unknown) {
            guard let bytes = try groupLimits.memory.get() else {
                return SystemFinding(.memory, "no limit", .well, "the kernel counts what waits in sockets, too")
            }
            // 256 connections with unread bytes were seen to take 25 MiB; so this is a thousand of them, and the process.
            guard bytes < 128 << 20 else {
                return SystemFinding(.memory, bytes.asByteCount, .well, "the kernel counts what waits in sockets, too")
            }
            let verdict =
                "the kernel counts what waits in sockets, too: about 100 KiB for a connection with unread bytes"
            let cures = [SystemCure](
                systemd: "MemoryMax=512M",
                docker: "docker run --memory 512m",
                kubernetes: "resources.limits.memory: 512Mi"
            )
            return SystemFinding(.memory, bytes.asByteCount, .limit, verdict, cures)
        }
    }

    var threadFinding: SystemFinding {
        get throws(Unknown) {
            guard let count = try groupLimits.threads.get() else {
                return SystemFinding(.threads, "no limit", .well, "a server takes one thread or two")
            }
            guard count < 16 else {
                return SystemFinding(.threads, "\(count) threads", .well, "a server takes one thread or two")
            }
            let verdict =
                "a server takes one thread or two, calls with time limits one, Swift's tasks one for each processor"
            let cures = [SystemCure](
                systemd: "TasksMax=64",
                docker: "docker run --pids-limit 64",
                kubernetes: "podPidsLimit: 64 in the configuration of the node's kubelet"
            )
            return SystemFinding(.threads, "\(count) threads", .limit, verdict, cures)
        }
    }
}
