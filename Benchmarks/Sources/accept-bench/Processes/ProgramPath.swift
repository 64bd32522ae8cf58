import Foundation
import LoopbackClient
import Measuring

/// Where the programs to be started are.
enum ProgramPath {
    static func besideThisOne(_ name: String) throws -> String {
        let own = try absolute("/proc/self/exe")
        let folder = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
        do {
            return try absolute("\(folder)/\(name)")
        } catch {
            throw Failure("\(error) (run `swift build -c release` in Benchmarks/)")
        }
    }

    static func itself() throws -> String {
        try absolute("/proc/self/exe")
    }

    /// The SwiftNIO contender, which is a package of its own in Benchmarks/NIO; nil when it has not been built.
    static func nio() -> String? {
        guard let own = try? itself(), let build = own.range(of: "/.build/", options: .backwards) else { return nil }
        return try? absolute(own[..<build.lowerBound] + "/NIO/.build/release/accept-bench-nio")
    }

    private static func absolute(_ path: String) throws -> String {
        guard let absolute = realpath(path, nil) else { throw Failure(call: path) }
        defer { free(absolute) }
        return String(cString: absolute)
    }
}
