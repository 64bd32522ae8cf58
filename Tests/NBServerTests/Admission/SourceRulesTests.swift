import Testing

@testable import NBServer

/// Which sources may come in, by their addresses.
@Suite struct SourceRulesTests {
    private typealias Rule = (AddressPrefix, SourceRules.Decision)

    private static func rules(_ texts: [(String, SourceRules.Decision)]) throws -> [Rule] {
        try texts.map { (try AddressPrefix($0.0), $0.1) }
    }

    /// The longest prefix that contains the address, looked for among all.
    private func allows(_ address: IPAddress, _ rules: [Rule], _ decision: SourceRules.Decision) -> Bool {
        let longest = rules.filter { $0.0.contains(address) }.max { $0.0.length < $1.0.length }
        return (longest?.1 ?? decision) == .allow
    }

    @Test func withoutARuleTheDefaultDecides() throws {
        for (decision, isAllowed) in [(SourceRules.Decision.allow, true), (.deny, false)] {
            let rules = try SourceRules([], default: decision)
            for text in ["0.0.0.0", "255.255.255.255", "::", "::ffff:1.2.3.4", "fe80::1%lo"] {
                #expect(rules.allows(try IPAddress(text)) == isAllowed)
            }
        }
    }

    @Test(arguments: [
        ("9.255.255.255", true), ("10.0.0.0", false), ("10.0.255.255", false), ("10.1.0.0", true), ("10.1.1.255", true),
        ("10.1.2.3", false), ("10.1.2.2", true), ("10.2.0.0", false), ("10.255.255.255", false), ("11.0.0.0", true),
        ("255.255.255.255", false), ("255.255.255.254", true), ("0.0.0.0", true),
        // Mapped.
        ("::ffff:10.0.0.1", false), ("::ffff:10.1.0.1", true), ("::ffff:9.9.9.9", true), ("::10.0.0.1", false),
        // IPv6 is denied but for two networks.
        ("::", false), ("::1", true), ("2001:db8::1", true), ("2001:db8:1::1", false), ("2001:db9::", false),
        ("fe80::1%lo", false), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
    ])
    func theLongestPrefixDecides(text: String, isAllowed: Bool) throws {
        let rules = try Self.rules([
            ("2001:db8::/32", .allow), ("10.1.2.3", .deny), ("10.0.0.0/8", .deny), ("::1", .allow),
            ("10.1.0.0/16", .allow),
            ("::/0", .deny), ("255.255.255.255", .deny), ("2001:db8:1::/48", .deny),
        ])
        let address = try IPAddress(text)
        for rules in [rules, rules.reversed()] {
            #expect(try SourceRules(rules, default: .allow).allows(address) == isAllowed)
        }
    }

    @Test func aPrefixOfIPv6DecidesNothingAboutIPv4() throws {
        let rules = try SourceRules(Self.rules([("::/0", .deny), ("::/64", .deny)]), default: .allow)
        #expect(rules.allows(try IPAddress("127.0.0.1")))
        #expect(rules.allows(try IPAddress("::ffff:127.0.0.1")))
        #expect(!rules.allows(try IPAddress("::fffe:127.0.0.1")))
    }

    @Test func aMappedPrefixIsOneOfIPv4() throws {
        let rules = try SourceRules(Self.rules([("::ffff:10.0.0.0/104", .deny)]), default: .allow)
        #expect(try rules == SourceRules(Self.rules([("10.0.0.0/8", .deny)]), default: .allow))
        #expect(!rules.allows(try IPAddress("10.0.0.1")))
        #expect(!rules.allows(try IPAddress("::ffff:10.0.0.1")))
    }

    @Test(arguments: [
        (
            [("10.0.0.0/8", SourceRules.Decision.allow), ("::1", .deny), ("10.0.0.0/8", .deny)], "10.0.0.0/8",
            "rule 1 allows it and rule 3 denies it"
        ),
        ([("::1", .deny), ("::1/128", .allow)], "::1/128", "rule 1 denies it and rule 2 allows it"),
        ([("::ffff:0:0/96", .deny), ("0.0.0.0/0", .allow)], "0.0.0.0/0", "rule 1 denies it and rule 2 allows it"),
        (
            [("1.1.1.1", .deny), ("1.1.1.1", .deny), ("1.1.1.1", .allow)], "1.1.1.1/32",
            "rule 2 denies it and rule 3 allows it"
        ),
    ])
    func twoAnswersForOnePrefixAreAnErrorThatNamesBoth(
        texts: [(String, SourceRules.Decision)],
        prefix: String,
        cure: String
    ) throws {
        let rules = try Self.rules(texts)
        let error = #expect(throws: ServerError.self) { try SourceRules(rules, default: .allow) }
        #expect(error?.code == .invalidOption)
        #expect(error?.operation == "source rules")
        #expect(error?.address == prefix)
        #expect(error?.cure == "\(cure); keep one of them")
    }

    @Test func aRuleMayBeThereTwice() throws {
        let once = try Self.rules([("10.0.0.0/8", .deny)])
        #expect(try SourceRules(once + once, default: .allow) == SourceRules(once, default: .allow))
    }

    @Test func rulesThatChangeNothingMakeNoDifference() throws {
        let plain = try SourceRules(Self.rules([("10.0.0.0/8", .deny)]), default: .allow)
        let idle = try Self.rules([
            ("10.0.0.0/8", .deny), ("10.1.0.0/16", .deny), ("11.0.0.0/8", .allow), ("0.0.0.0/0", .allow),
            ("::1", .allow),
        ])
        #expect(try SourceRules(idle, default: .allow) == plain)
        let halves = try Self.rules([("10.0.0.0/9", .deny), ("10.128.0.0/9", .deny)])
        #expect(try SourceRules(halves, default: .allow) == plain)
        #expect(try SourceRules(halves, default: .deny) != plain)
    }

    /// Every address of a small network, and those at its sides.
    @Test func everyAddressOfASmallNetworkIsDecidedAsTheModelDoes() throws {
        var generator = AddressGenerator(seed: 19)
        for isMapped in [false, true] {
            for base: UInt32 in [0, 0x0a00_0000, 0xffff_ff00] {
                for _ in 0..<60 {
                    let (rules, decision) = smallRules(base, &generator)
                    let table = try SourceRules(rules, default: decision)
                    for offset in -2...257 {
                        let number = UInt32(truncatingIfNeeded: Int(base) + offset)
                        let plain = IPAddress(ipv4: number)
                        let address = isMapped ? IPAddress(ipv6: 0xffff << 32 | UInt128(number)) : plain
                        #expect(table.allows(address) == allows(plain, rules, decision), "\(address): \(rules)")
                        #expect(table.allows(ipv4: number) == table.allows(address))
                    }
                }
            }
        }
    }

    /// Rules in one /24, at most one a prefix.
    private func smallRules(
        _ base: UInt32,
        _ generator: inout AddressGenerator
    ) -> (rules: [Rule], decision: SourceRules.Decision) {
        var rules: [AddressPrefix: SourceRules.Decision] = [:]
        for _ in 0..<generator.random.below(12) {
            let bits = generator.random.below(9)
            let number = base | (UInt32(generator.random.below(256)) >> bits) << bits
            guard let prefix = try? AddressPrefix(IPAddress(ipv4: number), length: 32 - bits) else { continue }
            rules[prefix] = generator.decision()
        }
        return (
            rules.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }.shuffled(using: &generator.random),
            generator.decision()
        )
    }

    /// Prefixes of all lengths and both families, asked for their first and last addresses, for those at their sides and for others.
    @Test(arguments: [1, 2, 3, 7, 30, 300])
    func anyAddressIsDecidedAsTheModelDoes(count: Int) throws {
        var generator = AddressGenerator(seed: UInt64(count))
        for _ in 0..<max(2, 200 / count) {
            let rules = try generator.rules(count)
            let decision = generator.decision()
            let table = try SourceRules(rules, default: decision)
            #expect(try SourceRules(rules.shuffled(using: &generator.random), default: decision) == table)
            for (prefix, _) in rules {
                let (first, last) = (prefix.address, prefix.last)
                let sides = [first.number &- 1, first.number, last.number, last.number &+ 1]
                    .map { IPAddress(number: first.isIPv4 ? $0 & 0xffff_ffff : $0, isIPv4: first.isIPv4) }
                for address in sides + [generator.ip()] {
                    #expect(table.allows(address) == allows(address, rules, decision), "\(address): \(rules)")
                    let raw = address.isIPv4 ? 0xffff << 32 | address.number : address.number
                    #expect(table.allows(ipv6: raw) == table.allows(address))
                }
            }
        }
    }

    @Test func tenThousandRulesDecideAsTheModelDoes() throws {
        var generator = AddressGenerator(seed: 20)
        let rules = try generator.rules(10_000)
        let table = try SourceRules(rules, default: .allow)
        for _ in 0..<300 {
            let address = generator.random.element(of: rules)?.0.last ?? generator.ip()
            #expect(table.allows(address) == allows(address, rules, .allow), "\(address)")
        }
    }
}

extension AddressGenerator {
    fileprivate mutating func decision() -> SourceRules.Decision {
        random.chance(500) ? .allow : .deny
    }

    /// Rules at most one a prefix, half of them inside another.
    fileprivate mutating func rules(_ count: Int) throws -> [(AddressPrefix, SourceRules.Decision)] {
        var rules: [AddressPrefix: SourceRules.Decision] = [:]
        var outer = try prefix(of: ip())
        while rules.count < count {
            var address = ip()
            if random.chance(500) {
                let inside = address.number & ~(~UInt128(0) << (outer.address.width - outer.length))
                address = IPAddress(number: outer.address.number | inside, isIPv4: outer.address.isIPv4)
            }
            let prefix = try prefix(of: address)
            rules[prefix] = decision()
            if random.chance(200) { outer = prefix }
        }
        return rules.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }.shuffled(using: &random)
    }
}
