import Foundation
import LoopbackClient
import Measuring
import NBEngine
import NBUring

/// The machine a comparison was run on, and what it was run with.
struct Manifest: Codable {
    var entries: [Entry] = []

    struct Entry: Codable {
        let name: String
        let value: String
    }

    init(arguments: [String], placement: Placement?) {
        add("date", ISO8601DateFormatter().string(from: Date()))
        add("command", (["accept-bench"] + arguments).joined(separator: " "))
        add("host", Self.hostName)
        add("kernel", Self.kernel)
        add("CPU", Self.field("/proc/cpuinfo", "model name") ?? "unknown")
        add("CPUs", "\(ProcessInfo.processInfo.activeProcessorCount)")
        add("placement", Placement.describe(placement))
        add("hypervisor", Self.field("/proc/cpuinfo", "flags")?.contains(" hypervisor") == true ? "yes" : "no")
        add("governor", Self.text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") ?? "none visible")
        add("memory", Self.field("/proc/meminfo", "MemTotal") ?? "unknown")
        add("io_uring", (try? Ring().features.description) ?? "none")
        add("liburing", Self.output(["dpkg-query", "--show", "--showformat=${Version}", "liburing-dev"]) ?? "unknown")
        add("Swift", Self.output(["swift", "--version"]) ?? "unknown")
        add("C compiler", Self.output(["clang", "--version"]) ?? "unknown")
        add("descriptors", (try? Preflight.raiseDescriptorLimit()).map { "\($0)" } ?? "unknown")
        for path in Self.settings { add(path.replacing("/", with: "."), Self.text("/proc/sys/" + path) ?? "none") }
        for (name, value) in Self.mitigations { add("mitigation of \(name)", value) }
        add("load average", Self.text("/proc/loadavg") ?? "unknown")
    }

    var text: String {
        entries.map { "\($0.name): \($0.value)\n" }.joined()
    }

    private mutating func add(_ name: String, _ value: String) {
        entries.append(Entry(name: name, value: value))
    }

    static var hostName: String { text("/proc/sys/kernel/hostname") ?? "unknown" }

    private static var kernel: String {
        let words = ["ostype", "osrelease", "version"].compactMap { text("/proc/sys/kernel/" + $0) }
        return words.joined(separator: " ")
    }

    private static let settings = [
        "net/core/somaxconn", "net/ipv4/tcp_max_syn_backlog", "net/ipv4/ip_local_port_range", "net/ipv4/tcp_syncookies",
        "net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_abort_on_overflow", "net/ipv4/tcp_congestion_control",
    ]

    private static var mitigations: [(String, String)] {
        let folder = "/sys/devices/system/cpu/vulnerabilities"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().map { ($0, text("\(folder)/\($0)") ?? "unknown") }
    }

    private static func text(_ path: String) -> String? {
        (try? textOfFile(path)).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    private static func field(_ path: String, _ name: String) -> String? {
        let line = (try? textOfFile(path))?.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// The first line a program prints; nil if it is not there.
    private static func output(_ command: [String]) -> String? {
        guard let child = try? ChildProcess(command), (try? child.waitUntilEnded(seconds: 10)) == true else {
            return nil
        }
        return child.printed.split(separator: "\n").first.map(String.init)
    }
}
