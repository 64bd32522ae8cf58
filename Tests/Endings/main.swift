// Tries how a server ends its connections: clients of bad manners, each owed its whole greeting and then the end of the stream.
//
//     swift build -c release --product endings && .build/release/endings
//
// One program, two processes: it starts itself again as the server, so that the server's descriptors are its own and that it can
// be held while clients connect. `Endings` is the one, `ServerRole` the other.

@preconcurrency internal import Glibc
internal import Measuring

do {
    switch CommandLine.arguments.dropFirst() {
    case let words where words.first == Arguments.serverRole:
        try ServerRole(ServerPlan(words: words.dropFirst())).run()
    case ["--help"], ["-h"]:
        print(Arguments.usage)
    case let words:
        let status = try Endings(Arguments(words)).run()
        exit(status)
    }
} catch let error as WrongUsage {
    fputs("endings: \(error.description); see --help\n", stderr)
    exit(2)
} catch {
    fputs("endings: \(error)\n", stderr)
    exit(1)
}
