// The rungs that tests run on: fewer on an older kernel, and never fewer without a word.

import Glibc
import GrantedRungs
import NBUring
import Testing

struct GrantedRungsTests {
    /// A kernel that is as new as a rung asks grants it, so that no test on it is left out.
    @Test(arguments: [
        (Rung.basic, [5, 11]), (.cooperative, [5, 19]), (.singleIssuer, [6, 0]), (.deferred, [6, 8]),
    ])
    func onlyAnOlderKernelLeavesARungOut(rung: Rung, since: [Int]) throws {
        let kernel = try Self.kernel
        let isOlder = kernel.lexicographicallyPrecedes(since)
        #expect(isOlder || Rung.granted.contains(rung), "Linux \(kernel) does not grant \(rung)")
    }

    @Test func aRungThatIsGrantedHasThoseBelowIt() {
        #expect(Rung.granted == Array(Rung.allCases.prefix(Rung.granted.count)))
        #expect(Rung.highestGranted == Rung.granted.last)
    }

    private static var kernel: [Int] {
        get throws {
            var name = utsname()
            try #require(uname(&name) == 0)
            let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            return release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        }
    }
}
