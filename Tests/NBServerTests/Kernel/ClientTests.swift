import Glibc
import Testing

@testable import NBServer

/// The client of the scenarios: a reset is one whenever it comes. Each test has it come at a certain moment.
@Suite struct ClientTests {
    @Test func aResetThatTheConnectMeetsIsRead() throws {
        let listener = try ListenSocket("127.0.0.1:0", options: [])
        let client = Client(family: AF_INET)
        try client.startConnecting(to: listener.address)
        resetNext(of: listener)
        try client.finishConnecting()
        #expect(try client.readToEnd() == .reset)
    }

    @Test func aResetThatASendMeetsIsRead() throws {
        let listener = try ListenSocket("127.0.0.1:0", options: [])
        let client = try Client(listener.address)
        resetNext(of: listener)
        // The first send is told of the reset, the second of a connection that is no more.
        try client.send("?")
        try client.say("!")
        #expect(try client.readToEnd() == .reset)
    }

    /// Accepts a connection and ends it at once.
    private func resetNext(of listener: borrowing ListenSocket) {
        var queue = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&queue, 1, 10_000)
        let descriptor = accept(listener.descriptor, nil, nil)
        var off = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }
}
