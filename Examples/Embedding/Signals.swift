// Signals as something that a loop can watch: a handler writes each one's number to a pipe.

import NBServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The end for the handler, which can reach nothing else. Written once, before there is a handler.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Whether the server was asked to drain. The loop's thread only.
nonisolated(unsafe) private var isDraining = false

/// Returns a descriptor that is readable when a signal has come.
func watchSignals() -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return -1 }
    signalPipe = ends[1]
    for number in [SIGINT, SIGTERM, SIGUSR1] {
        signal(number) {
            var byte = UInt8($0)
            _ = write(signalPipe, &byte, 1)
        }
    }
    return ends[0]
}

/// Does what a signal asks for, if one has come. The first Ctrl-C or SIGTERM drains the server, the second stops it. SIGUSR1 prints what
/// it has counted: a task asks, since the thread that turns a server must not wait for it.
func obeySignal(_ signals: Int32, _ server: Server<NoSoup>) {
    var number: UInt8 = 0
    guard read(signals, &number, 1) == 1 else { return }
    if Int32(number) == SIGUSR1 {
        Task.detached { tell(try await server.status().counters) }
    } else if isDraining {
        server.requestStop()
    } else {
        isDraining = true
        server.requestDrain(within: .seconds(10))
    }
}
