internal import Measuring

/// A host by its name, and how it is started.
struct HostProgram {
    /// Those that SwiftPM builds, beside this program. The last one is in C.
    static let swift = ["epoll", "poll", "dispatch", "busy", "c"]
    /// Those that `./dev hosts` builds, against `libnbserver.so`, or `libnbserver.a` for the static one.
    static let foreign = ["c-shared", "c-static", "ring", "libuv", "asio", "asyncio"]

    let name: String
    /// Addresses follow.
    let command: [String]

    /// - Parameters:
    ///   - name: one of the above.
    ///   - foreign: the folder with hosts in other languages.
    /// - Throws: ``WrongUsage`` if there is no such host, ``Failure`` if it is not built.
    init(_ name: String, foreign: String?) throws {
        self.name = name
        switch name {
        case "c": command = [try ProgramPath.besideThisOne("embedding-c")]
        case _ where Self.swift.contains(name): command = [try ProgramPath.besideThisOne("embedding"), name]
        case _ where Self.foreign.contains(name):
            guard let foreign else { throw WrongUsage("the host \"\(name)\" wants --foreign FOLDER") }
            command = [try ProgramPath.at("\(foreign)/\(name)", hint: "./dev hosts builds it")]
        default: throw WrongUsage("there is no host \"\(name)\"")
        }
    }
}
