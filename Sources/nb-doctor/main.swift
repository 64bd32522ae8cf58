// Says which engine a server would run on here, now, for this user, and why; and which limits it would meet, with what to type
// to change them. It changes nothing. The same report is a value of the library: `SystemReport`.

import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

let usage = """
    usage: nb-doctor [--json]

      nb-doctor                          a line for each finding, and what to type where it is not well
      nb-doctor --json                   the same for programs
      NB_SERVER_ENGINE=epoll nb-doctor   what a server would do that is started so

      sudo -u www-data nb-doctor         for another user
      docker run --rm IMAGE nb-doctor    in a container

    exit status: 0 well, 1 a server runs and will meet a limit, 2 a server cannot run, 64 wrong usage, 74 the output cannot be written
    """

/// Writes a text, or ends the program: a report that is not there must not look well.
func write(_ text: String) {
    guard puts(text) != EOF, fflush(stdout) == 0 else {
        perror("nb-doctor: standard output")
        exit(EX_IOERR)
    }
}

var asJSON = false
for argument in CommandLine.arguments.dropFirst() {
    switch argument {
    case "--json":
        asJSON = true
    case "--help":
        write(usage)
        exit(0)
    default:
        fputs("nb-doctor: it takes --json and --help, not \(argument.debugDescription); see --help\n", stderr)
        exit(EX_USAGE)
    }
}
let report = SystemReport()
write(asJSON ? try jsonText(of: report) : text(of: report))
exit(Int32(report.severity.rawValue))
