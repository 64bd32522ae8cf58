import Synchronization
import Testing

@testable import NBServer

/// The types of workers a server knows.
@Suite struct WorkerTypeTests {
    private struct Known: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
    }

    private struct Unknown: ConnectionWorker {
        static let timesAskedForOptions = Atomic(0)

        static var options: WorkerOptions {
            timesAskedForOptions.add(1, ordering: .relaxed)
            return WorkerOptions()
        }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
    }

    /// A table of workers asks their type for its options.
    @Test func askingForWorkersOfATypeMakesNoTableForThem() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        var counts: [Int] = []
        try server.run(
            { number, connection, context in
                counts.append(context.workers(of: Unknown.self).count)
                counts.append(context.workers(of: Known.self).count)
                if number == 2 {
                    context.assign(connection, to: Unknown())
                } else {
                    context.assign(connection, to: Known())
                }
                counts.append(context.workers(of: Unknown.self).count)
                counts.append(context.workers(of: Known.self).count)
                let asked = Unknown.timesAskedForOptions.load(ordering: .relaxed)
                #expect(asked == (number == 2 ? 1 : 0))
                return .continue
            },
            script: [{ kernel in for descriptor: Int32 in 1000...1002 { try kernel.accept(descriptor, on: listener) } }]
        )
        #expect(counts == [0, 0, 0, 1, 0, 1, 0, 2, 0, 2, 1, 2])
    }
}
