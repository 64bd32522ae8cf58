/// The capabilities of this process, by their numbers in `capabilities(7)`. A value.
struct Capabilities: Hashable, Sendable {
    static let lockingMemory = 14  // CAP_IPC_LOCK

    /// `/proc/self/status`.
    let status: SystemText
    /// `/proc/self/uid_map`.
    let userMap: SystemText

    /// Whether one is there that counts for the whole system: one of another user namespace than the first, as in a container without
    /// root, does not.
    func includes(_ number: Int) throws(Unknown) -> Bool {
        let everyUser = ["0", "0", "4294967295"]
        if case .text(let map) = userMap, map.split(whereSeparator: \.isWhitespace).map(String.init) != everyUser {
            return false
        }
        guard let capabilities = UInt64(try status.statusLine("CapEff"), radix: 16) else {
            throw Unknown("CapEff of /proc/self/status is no number")
        }
        return capabilities >> UInt64(number) & 1 == 1
    }
}

extension SystemText {
    /// A line of `/proc/self/status`, without its name: `0000000000000000` for `CapEff`.
    func statusLine(_ name: String) throws(Unknown) -> Substring {
        let text = try known(as: "/proc/self/status")
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            return line.dropFirst(name.count + 1).drop(while: \.isWhitespace)
        }
        throw Unknown("/proc/self/status has no \(name)")
    }
}
