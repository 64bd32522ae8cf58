/// Which sources are let in: networks that are allowed or denied, and a default for all others.
///
/// The longest prefix that contains an address decides, whatever the order of the rules. So `10.0.0.0/8` may be denied, and `10.1.0.0/16`
/// in it allowed. An IPv4-mapped address counts as the IPv4 address it stands for, so rules about IPv6 never decide about IPv4. Zones do
/// not matter.
///
/// ```swift
/// import NBServer
///
/// let rules = try SourceRules([(AddressPrefix("10.0.0.0/8"), .deny), (AddressPrefix("10.1.0.0/16"), .allow)], default: .allow)
/// print(rules.allows(try IPAddress("10.2.0.1")))  // false
/// ```
///
/// Rules are immutable. Two are equal if they give every address the same answer. A look-up allocates nothing, and takes 15 steps with
/// 10,000 rules.
public struct SourceRules: Hashable, Sendable {
    // Of two prefixes one contains the other, or they have nothing in common. So n of them cut the addresses into at most 2n + 1 ranges,
    // in each of which one rule decides. Neighbors with the same answer become one range; then answers alternate, and only the places
    // where they change are kept. A look-up is a binary search in one array, of at most 80 kB for 10,000 IPv4 rules. A trie would take
    // a step for each bit of an address, or would need compression, which is more code and no faster.
    private let ipv4: Ranges<UInt32>
    private let ipv6: Ranges<UInt128>

    /// What happens to a source.
    public enum Decision: String, Hashable, Sendable, Codable {
        /// The source is let in.
        case allow
        /// The source is not let in.
        case deny
    }

    /// Rules, in any order, and the default for an address that no prefix contains.
    ///
    /// The same rule may be given twice. Takes time in proportion to n · log n, so make the rules before the server needs them.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption`` if two rules decide differently about the same prefix. The error
    ///   names both.
    public init(_ rules: [(AddressPrefix, Decision)], default others: Decision) throws(ServerError) {
        let sorted = rules.enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
        for (one, other) in zip(sorted, sorted.dropFirst()) {
            guard one.element.0 == other.element.0, one.element.1 != other.element.1 else { continue }
            throw .contradiction(one.element.0, one.offset, one.element.1, other.offset)
        }
        let ordered = sorted.map(\.element)
        ipv4 = Ranges(ordered.filter(\.0.address.isIPv4), others)
        ipv6 = Ranges(ordered.filter { !$0.0.address.isIPv4 }, others)
    }

    /// Whether a source with this address is let in.
    public func allows(_ address: IPAddress) -> Bool {
        address.isIPv4 ? allows(ipv4: UInt32(truncatingIfNeeded: address.number)) : allows(ipv6: address.number)
    }

    /// The same for the number of an IPv4 address, in the machine's byte order.
    func allows(ipv4 address: UInt32) -> Bool {
        ipv4.allows(address)
    }

    /// The same for the number of an IPv6 address, mapped or not, in the machine's byte order.
    func allows(ipv6 address: UInt128) -> Bool {
        address >> 32 == 0xffff ? ipv4.allows(UInt32(truncatingIfNeeded: address)) : ipv6.allows(address)
    }

    /// All addresses of a family, in ranges whose answers alternate.
    private struct Ranges<Number: FixedWidthInteger & UnsignedInteger & Sendable>: Hashable, Sendable {
        private let allowsFirst: Bool
        /// The first addresses of the ranges, ascending, without that of the first range, which is 0.
        private let starts: [Number]

        /// The rules are in the order of their prefixes, so that one comes right before those that it contains.
        init(_ rules: [(AddressPrefix, Decision)], _ decision: Decision) {
            var ranges = [(start: Number(0), decision: decision)]
            // Those that contain the address which has been come to, longest last. The outermost never ends.
            var open: [(last: Number, decision: Decision)] = [(.max, decision)]
            func begin(_ start: Number, _ decision: Decision) {
                if ranges[ranges.count - 1].start == start { ranges.removeLast() }
                ranges.append((start, decision))
            }
            func close(before next: Number) {
                while let ended = open.last, ended.last < next {
                    open.removeLast()
                    begin(ended.last + 1, open[open.count - 1].decision)
                }
            }
            for (prefix, decision) in rules {
                let first = Number(truncatingIfNeeded: prefix.address.number)
                close(before: first)
                open.append((Number(truncatingIfNeeded: prefix.last.number), decision))
                begin(first, decision)
            }
            // What ends with the last address has nothing after it.
            close(before: .max)
            allowsFirst = ranges[0].decision == .allow
            starts = zip(ranges, ranges.dropFirst()).compactMap { $0.decision == $1.decision ? nil : $1.start }
        }

        func allows(_ address: Number) -> Bool {
            // How often the answer has changed up to the address.
            var changes = 0
            var count = starts.count
            while count > 0 {
                let half = count / 2
                if starts[changes + half] <= address {
                    changes += half + 1
                    count -= half + 1
                } else {
                    count = half
                }
            }
            return allowsFirst == changes.isMultiple(of: 2)
        }
    }
}

extension ServerError {
    /// Rules are counted from 1.
    fileprivate static func contradiction(
        _ prefix: AddressPrefix,
        _ one: Int,
        _ decision: SourceRules.Decision,
        _ other: Int
    ) -> ServerError {
        let verbs = decision == .allow ? ("allows", "denies") : ("denies", "allows")
        let cure = "rule \(one + 1) \(verbs.0) it and rule \(other + 1) \(verbs.1) it; keep one of them"
        return ServerError(.invalidOption, operation: "source rules", address: prefix.description, cure: cure)
    }
}
