// Tries embedded servers in every loop that `Examples/Embedding` has: each host is a program, started, crowded, asked, drained, stopped, and
// called to account.
//
//     ./dev hosts
//
// The main thread does all of it, a host at a time.

@preconcurrency internal import Glibc
internal import Measuring

do {
    switch CommandLine.arguments.dropFirst() {
    case ["--help"], ["-h"]:
        print(Arguments.usage)
    case let words:
        let status = try Hosts(Arguments(words)).run()
        exit(status)
    }
} catch let error as WrongUsage {
    fputs("hosts: \(error.description); see --help\n", stderr)
    exit(2)
} catch {
    fputs("hosts: \(error)\n", stderr)
    exit(1)
}
