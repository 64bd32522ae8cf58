import Testing

@testable import NBServer
@testable import Uring

/// Connections that were accepted elsewhere, on scripts.
@Suite struct AdoptionTests {
    /// Delivers the first connection's follower as one that comes from elsewhere.
    private func adopt(
        _ unread: String,
        _ body: @escaping (consuming Connection) -> Void
    ) throws -> FakeKernel {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { number, connection, context in
                if number == 0 {
                    context.state.pointee.adopt(Adoption(descriptor: 1001, unread: Array(unread.utf8)))
                } else {
                    body(connection)
                }
                return .continue
            },
            script: [{ try $0.accept(1000, on: server.listeners[0]) }, { _ in }, { _ in }]
        )
        return kernel
    }

    @Test func whatIsReleasedAgainStillHasWhatWasReceived() throws {
        var released: [String] = []
        _ = try adopt("unread") { connection in
            connection.release {
                released.append(String(decoding: $0.unread, as: UTF8.self))
                #expect($0.takeDescriptor() == 1001)
            }
        }
        #expect(released == ["unread"])
    }

    /// It may have been accepted with an option that makes a close wait for the peer.
    @Test func noCloseOfAnAdoptedConnectionWaits() throws {
        let kernel = try adopt("") { connection in connection.close() }
        #expect(kernel.forgottenLingers == [1001])
        #expect(kernel.closes(of: 1001) == 1)
    }
}
