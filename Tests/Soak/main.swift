// Soaks a live server: rounds of churn, floods, exhaustion, slow and rude clients, faulty networks and stops, with a
// ledger that knows every connection.
//
//     swift build -c release --product soak && .build/release/soak 5
//
// One program, two processes: it starts itself again as the server, so that the server's descriptors, threads and
// memory are its own. `Soak` is the one, `ServerRole` the other.

@preconcurrency internal import Glibc
internal import Measuring

do {
    switch CommandLine.arguments.dropFirst() {
    case [Arguments.serverRole]:
        var role = try ServerRole()
        role.run()
    case ["--help"], ["-h"]:
        print(Arguments.usage)
    case let words:
        let status = try Soak(Arguments(words)).run()
        exit(status)
    }
} catch let error as WrongUsage {
    fputs("soak: \(error.description); see --help\n", stderr)
    exit(2)
} catch {
    fputs("soak: \(error)\n", stderr)
    exit(1)
}
