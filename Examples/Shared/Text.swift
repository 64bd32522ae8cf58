#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

/// A line as a text.
public func text(of line: Span<UInt8>) -> String {
    line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
}

/// The next line of the standard input, `nil` at its end. Blocks: not for a server's thread.
public func nextLine() -> String? {
    while true {
        if let line = readLine() { return line }
        // In the background a read from the terminal fails, because SIGTTIN is ignored. It may be in the foreground later.
        guard ferror(stdin) != 0, isatty(STDIN_FILENO) == 1 else { return nil }
        clearerr(stdin)
        sleep(1)
    }
}
