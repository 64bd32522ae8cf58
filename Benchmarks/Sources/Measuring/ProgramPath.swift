internal import Glibc

/// Where the programs to be started are.
package enum ProgramPath {
    package static func at(_ path: String, hint: String) throws -> String {
        guard let absolute = realpath(path, nil) else { throw Failure("\(Failure(call: path)) (\(hint))") }
        defer { free(absolute) }
        return String(cString: absolute)
    }

    package static func itself() throws -> String {
        try at("/proc/self/exe", hint: "is /proc mounted?")
    }

    package static func besideThisOne(_ name: String) throws -> String {
        let own = try itself()
        let folder = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
        return try at("\(folder)/\(name)", hint: "run `swift build -c release` in Benchmarks/")
    }
}
