import Glibc
import Testing

@testable import NBServer

/// What an error says of the call that failed, whatever failed before it.
@Suite struct ErrorNumberTests {
    /// The call succeeds, with an address that is no listener's: `errno` is an older call's then.
    @Test func anAddressThatIsNotIPIsNotBlamedOnAnOlderError() throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let wanted = try Endpoint("127.0.0.1:80").resolved()
        errno = ENOSPC
        let error = #expect(throws: ServerError.self) { try ListenSocket.address(of: descriptor, wanted) }
        #expect(error?.errno == nil)
        #expect(error?.code == .socket)
        #expect(
            error?.description.contains("the socket is bound to no IP address; only IP sockets can listen") == true
        )
    }

    @Test func aFailedCallIsBlamedOnItsOwnError() throws {
        let wanted = try Endpoint("127.0.0.1:80").resolved()
        errno = ENOSPC
        let error = #expect(throws: ServerError.self) { try ListenSocket.address(of: -1, wanted) }
        #expect(error?.errno == EBADF)
    }
}
