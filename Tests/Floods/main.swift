// Floods servers that have limits, and balances what the clients saw with what the servers counted, to the connection.
//
//     swift build -c release --product floods && .build/release/floods
//
// One process: a group of servers, and clients from 200 addresses of the loopback interface. `Floods` is the run, `FloodRow` a
// line of its tables, `Crowd` the clients, `Doorkeeper` the behavior of the servers.

@preconcurrency internal import Glibc
internal import Measuring

do {
    switch CommandLine.arguments.dropFirst() {
    case ["--help"], ["-h"]:
        print(Arguments.usage)
    case let words:
        let status = try await Floods(Arguments(words)).run()
        exit(status)
    }
} catch let error as WrongUsage {
    fputs("floods: \(error.description); see --help\n", stderr)
    exit(2)
} catch {
    fputs("floods: \(error)\n", stderr)
    exit(1)
}
