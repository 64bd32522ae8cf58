import Glibc
import GrantedRungs
import NBUring
import Testing

@testable import NBServer

/// A ring's accept that is canceled while clients come: each is accepted before its end, or is still in the queue.
@Suite(.serialized) struct CanceledAcceptTests {
    @Test(arguments: Rung.granted)
    func nobodyIsLostBetweenACancelAndTheEndOfTheAccept(on rung: Rung) async {
        await #expect(processExitsWith: .success) { [rung] in
            try await KernelScenario.run(on: rung) {
                for round in 0..<30 { try Self.cancelUnderLoad(rung, after: round * 3) }
            }
        }
    }

    private static func cancelUnderLoad(_ rung: Rung, after count: Int) throws {
        let listener = try ListenSocket("127.0.0.1:0", options: [])
        var accept = try CancelableAccept(on: listener.descriptor, rung)
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
