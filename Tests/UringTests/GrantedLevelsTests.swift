// The levels that tests run on: fewer on an older kernel, and never fewer without a word.

import Glibc
import GrantedLevels
import NBUring
import Testing

struct GrantedLevelsTests {
    /// A kernel that is as new as a level asks grants it, so that no test on it is left out.
    @Test(arguments: [
        (KernelLevel.linux5_11, [5, 11]), (.linux5_19, [5, 19]), (.linux6_0, [6, 0]), (.linux6_1, [6, 8]),
    ])
    func onlyAnOlderKernelLeavesALevelOut(level: KernelLevel, since: [Int]) throws {
        let kernel = try Self.kernel
        let isOlder = kernel.lexicographicallyPrecedes(since)
        #expect(isOlder || KernelLevel.granted.contains(level), "Linux \(kernel) does not grant \(level)")
    }

    @Test func aLevelThatIsGrantedHasThoseBelowIt() {
        #expect(KernelLevel.granted == Array(KernelLevel.allCases.prefix(KernelLevel.granted.count)))
        #expect(KernelLevel.highestGranted == KernelLevel.granted.last)
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
