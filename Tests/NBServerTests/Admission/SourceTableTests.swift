import NBEngine
import Testing

@testable import NBServer

/// What sources have: beside a model that is a dictionary, and at its limit.
@Suite struct SourceTableTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func key(_ number: UInt32, _ limits: AdmissionLimits.SourceLimits = .init()) -> SourceTable.Key {
        SourceTable.Key(IPAddress(ipv4: number), limits)
    }

    @Test func aSourceHasAsManyConnectionsAsItMay() throws {
        var table = SourceTable()
        let limits = AdmissionLimits.SourceLimits(maximumOpen: 2)
        let first = table.take(key(1), limits, at: start).place
        let place = try #require(first)
        #expect(table.take(key(1), limits, at: start).place == place)
        #expect(table.take(key(1), limits, at: start) == .refused(.openPerSource))
        #expect(table.take(key(2), limits, at: start).place != nil)
        table.give(place)
        #expect(table.openCount(key(1)) == 1)
        #expect(table.take(key(1), limits, at: start).place == place)
        #expect(table.take(key(3), .init(maximumOpen: 0), at: start) == .refused(.openPerSource))
    }

    @Test func aSourceHasARateOfItsOwn() {
        var table = SourceTable()
        let limits = AdmissionLimits.SourceLimits(rate: .init(perSecond: 10, burst: 2))
        for _ in 0..<2 { #expect(table.take(key(1), limits, at: start).place != nil) }
        #expect(table.take(key(1), limits, at: start) == .refused(.ratePerSource))
        #expect(table.take(key(2), limits, at: start).place != nil)
        #expect(table.take(key(1), limits, at: start + .milliseconds(99)) == .refused(.ratePerSource))
        #expect(table.take(key(1), limits, at: start + .milliseconds(100)).place != nil)
        #expect(table.take(key(1), limits, at: start + .milliseconds(100)) == .refused(.ratePerSource))
        #expect(table.take(key(3), .init(rate: .init(perSecond: 0, burst: 1)), at: start) == .refused(.ratePerSource))
    }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.2", 32, 64, false), ("10.0.0.1", "10.0.0.2", 24, 64, true),
        ("10.0.0.1", "11.0.0.1", 0, 64, true), ("2001:db8::1", "2001:db8::2:1", 32, 64, true),
        ("2001:db8::1", "2001:db8:0:1::1", 32, 64, false), ("2001:db8::1", "fe80::1", 32, 0, true),
        ("2001:db8::1", "2001:db8::2", 32, 128, false), ("::ffff:10.0.0.1", "10.0.0.1", 32, 64, true),
        ("0.0.0.0", "::", 0, 0, false),
    ])
    func addressesOfAPrefixAreOneSource(_ one: String, _ other: String, ipv4: Int, ipv6: Int, areOne: Bool) throws {
        let limits = AdmissionLimits.SourceLimits(ipv4PrefixLength: ipv4, ipv6PrefixLength: ipv6)
        let keys = try [one, other].map { SourceTable.Key(try IPAddress($0), limits) }
        #expect((keys[0] == keys[1]) == areOne)
    }

    @Test func theLeastRecentSourceWithoutConnectionsIsForgotten() {
        var table = SourceTable()
        let limits = AdmissionLimits.SourceLimits(rate: .init(perSecond: 1, burst: 1))
        var places: [Int32] = []
        for number in 0..<UInt32(SourceTable.limit) {
            places.append(table.take(key(number), limits, at: start).place ?? -1)
        }
        #expect(table.count == SourceTable.limit)
        #expect(Set(places) == Set(0..<Int32(SourceTable.limit)))
        // All have connections, so none can be forgotten.
        #expect(table.take(key(.max), limits, at: start) == .refused(.tooManySources))
        // The second ends before the first.
        table.give(places[1])
        table.give(places[0])
        #expect(table.take(key(.max), limits, at: start).place != nil)
        // Of the first it is known that it has had its turn, of the second nothing any more.
        #expect(table.take(key(0), limits, at: start) == .refused(.ratePerSource))
        #expect(table.openCount(key(0)) == 0)
        #expect(table.take(key(1), limits, at: start).place != nil)
        #expect(table.take(key(0), limits, at: start) == .refused(.tooManySources))
        #expect(table.count == SourceTable.limit)
    }

    @Test func itCountsAsADictionaryDoes() {
        var random = Randomness(seed: 7)
        var table = SourceTable()
        let limits = AdmissionLimits.SourceLimits(maximumOpen: 4)
        var open: [UInt32: [Int32]] = [:]
        for _ in 0..<200_000 {
            let number = UInt32(random.below(3000))
            if random.chance(550) {
                let place = table.take(key(number), limits, at: start).place
                #expect((place == nil) == (open[number, default: []].count == 4))
                if let place { open[number, default: []].append(place) }
            } else if let place = open[number]?.popLast() {
                table.give(place)
            }
            #expect(table.openCount(key(number)) == open[number, default: []].count)
        }
        #expect(table.count == 3000)
    }
}

extension SourceTable.Answer {
    /// Where a source is counted, if it is.
    fileprivate var place: Int32? { if case .counted(let place) = self { place } else { nil } }
}
