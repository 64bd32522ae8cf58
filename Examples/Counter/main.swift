// A server that counts its clients, to show calls and casts: messages from outside, which the server handles one at a time
// between its other callbacks, so that its state needs no lock. A call has an answer, whose type is the `Caller`'s; a cast has
// none.
//
// Here the messages come from the terminal: an empty line asks for the count, and `reset` sets it to 0 before it asks. The
// server also serves without a terminal, in the background or after the end of its input, until Ctrl-C or SIGTERM.

@preconcurrency import Glibc
import NBServer

struct Counter: NonBlockingServer {
    enum Call { case served(Caller<Int>) }
    enum Cast { case reset }

    var served = 0

    func begin(_ context: borrowing ServerContext) -> Verdict {
        print("listening on \(context.addresses[0])")
        print("press Return to see how many clients were served; type reset and press Return to start again at 0")
        if context.engine.kind != .ring { fputs("counter: running on \(context.engine)\n", stderr) }
        return .continue
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        served += 1
        connection.send("you are number \(served)\n")
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .served(let caller): caller.reply(served)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .reset: served = 0
        }
        return .continue
    }
}

/// The next line of the standard input, `nil` at its end.
func nextLine() -> String? {
    while true {
        if let line = readLine() { return line }
        // In the background a read from the terminal fails, because SIGTTIN is ignored. It may be in the foreground later.
        guard ferror(stdin) != 0, isatty(STDIN_FILENO) == 1 else { return nil }
        clearerr(stdin)
        sleep(1)
    }
}

// By default SIGTTIN stops a process in the background that reads from its terminal, and SIGPIPE kills one whose output is not
// read any more. A server goes on.
signal(SIGTTIN, SIG_IGN)
signal(SIGPIPE, SIG_IGN)
// Each line at once, to a file or a pipe too.
setvbuf(stdout, nil, _IOLBF, 0)
do {
    let server = try Server(Counter(), listening: "127.0.0.1:0")
    Task.detached {
        while let line = nextLine() {
            if line == "reset" { try server.cast(.reset) }
            let served = try await server.call(Counter.Call.served)
            print("\(served) served")
        }
    }
    try server.run(drainingOn: [.terminate], stoppingOn: [.interrupt])
} catch {
    fputs("counter: \(error)\n", stderr)
    exit(1)
}
