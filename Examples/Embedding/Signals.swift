// Ctrl-C and SIGTERM as something that a loop can watch: a handler writes to a pipe.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The end for the handler, which can reach nothing else. Written once, before there is a handler.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Returns a descriptor that is readable when a signal has come.
func watchSignals() -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return -1 }
    signalPipe = ends[1]
    for number in [SIGINT, SIGTERM] {
        signal(number) { _ in
            var byte: UInt8 = 0
            _ = write(signalPipe, &byte, 1)
        }
    }
    return ends[0]
}

/// Takes a signal that has come, if there is one.
@discardableResult
func takeSignal(_ signals: Int32) -> Bool {
    var byte: UInt8 = 0
    return read(signals, &byte, 1) == 1
}
