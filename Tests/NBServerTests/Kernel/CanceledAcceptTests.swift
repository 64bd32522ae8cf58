import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A ring's accept that is cancelled while clients come, without a server: each is accepted before its end, or is still in the queue.
@Suite(.serialized) struct CancelledAcceptTests {
    @Test(arguments: KernelLevel.granted)
    func nobodyIsLostBetweenACancelAndTheEndOfTheAccept(on level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [level] in
            try await KernelScenario.run(on: .ring(level)) {
                for round in 0..<30 { try Self.cancelUnderLoad(level, after: round * 3) }
            }
        }
    }

    private static func cancelUnderLoad(_ level: KernelLevel, after count: Int) throws {
        let listener = try ListenSocket("127.0.0.1:0", options: [])
        var accept = try CancelableAccept(on: listener.descriptor, level)
        try accept.arm()
        let storm = try Storm(on: listener.address, limit: 100)
        while accept.descriptors.count < count { try accept.takeCompletions() }
        try accept.cancel()
        while !accept.isOver { try accept.takeCompletions() }
        let accepted = accept.descriptors.count
        let clients = storm.wait()
        // The accept is over: whoever came since is in the queue.
        try accept.takeCompletions(waits: false)
        expect(accept.descriptors.count, is: accepted, "accepted after the end of the accept")
        let queued = ListeningDescriptor(listener.descriptor).queueLength
        expect(accepted + queued, is: 100, "accepted or queued")
        let rest = (0..<queued).map { _ in Glibc.accept(listener.descriptor, nil, nil) }
        let ports = (accept.descriptors + rest).map { descriptor in
            SocketAddress.reading { getpeername(descriptor, $0, $1) }?.port
        }
        expect(Set(ports), is: Set(clients.map(\.localAddress.port)), "the clients' ports")
        for descriptor in accept.descriptors + rest { close(descriptor) }
    }
}
