internal import Glibc

/// Holds the server's thread in a callback until the client says go; a pipe, since reading one allocates nothing.
///
/// Each opening lets one waiter through, also one that comes later.
struct Valve: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() throws {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) { pipe($0.assumingMemoryBound(to: Int32.self).baseAddress) }
        guard result == 0 else { throw Failure(call: "pipe") }
        (readEnd, writeEnd) = ends
    }

    func wait() {
        var byte: UInt8 = 0
        while read(readEnd, &byte, 1) != 1 && errno == EINTR {}
    }

    func open() throws {
        var byte: UInt8 = 0
        guard write(writeEnd, &byte, 1) == 1 else { throw Failure(call: "write") }
    }

    func close() {
        Glibc.close(readEnd)
        Glibc.close(writeEnd)
    }
}
