// Standard output that does not work: soup is a server, and serves.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct StandardOutput {
        @Test func itServesWhenItsFirstLinesReaderIsGone() throws {
            let address = try OwnListener.freeAddress()
            let pipe = try Pipe()
            let soup = try Child([try Soup.path, "\(address)"], output: .descriptor(pipe.writer))
            pipe.closeWriter()
            #expect(pipe.readLine() == "listening on \(address)\n")
            _ = consume pipe
            try expectAllGreeted(Clients(100, to: address))
            #expect(soup.errors.withoutEngineLine(of: "soup") == "")
        }

        @Test func itServesOnceAFullPipeIsRead() throws {
            let address = try OwnListener.freeAddress()
            let pipe = try Pipe()
            pipe.fill()
            let soup = try Child([try Soup.path, "\(address)"], output: .descriptor(pipe.writer))
            pipe.closeWriter()
            try wait(for: "soup listens") { (try? ProcFS.queueLength(at: address)) != nil }
            let clients = try Clients(100, to: address)
            while pipe.readLine() != "listening on \(address)\n" {}
            try expectAllGreeted(clients)
            #expect(soup.errors.withoutEngineLine(of: "soup") == "")
        }

        @Test func itServesWhenItsOutputCannotBeWritten() throws {
            let address = try OwnListener.freeAddress()
            let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
            defer { close(full) }
            let soup = try Child([try Soup.path, "\(address)"], output: .descriptor(full))
            try wait(for: "soup listens") { (try? ProcFS.queueLength(at: address)) != nil }
            try expectAllGreeted(Clients(100, to: address))
            #expect(soup.errors.withoutEngineLine(of: "soup") == "")
        }

        /// Its listen socket must not take the place of descriptor 1, to be written to.
        @Test func itServesWithoutStandardOutput() throws {
            let address = try OwnListener.freeAddress()
            var soup = try Child([try Soup.path, "\(address)"], output: .closed)
            try wait(for: "soup listens") {
                if let ending = soup.poll() { throw Failure("soup ended: \(ending): \(soup.errors)") }
                return (try? ProcFS.queueLength(at: address)) != nil
            }
            try expectAllGreeted(Clients(100, to: address))
            #expect(soup.poll() == nil)
        }
    }
}

private struct Pipe: ~Copyable {
    private let reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(call: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit { close(reader) }

    func closeWriter() { close(writer) }

    /// Fills it with empty lines.
    func fill() {
        _ = fcntl(writer, F_SETFL, O_NONBLOCK)
        while write(writer, "\n", 1) == 1 {}
        _ = fcntl(writer, F_SETFL, 0)
    }

    /// The next line; empty at the end, or if none comes.
    func readLine() -> String {
        var line: [UInt8] = []
        var polled = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        while line.last != 0x0a {
            var byte: UInt8 = 0
            guard poll(&polled, 1, 30_000) == 1, read(reader, &byte, 1) == 1 else { break }
            line.append(byte)
        }
        return String(decoding: line, as: UTF8.self)
    }
}
