import Foundation
import Measuring

extension ProgramPath {
    /// The SwiftNIO contender, which is a package of its own in Benchmarks/NIO; nil when it has not been built.
    static func nio() -> String? {
        guard let own = try? itself(), let build = own.range(of: "/.build/", options: .backwards) else { return nil }
        return try? at(own[..<build.lowerBound] + "/NIO/.build/release/accept-bench-nio", hint: "it is not built")
    }
}
