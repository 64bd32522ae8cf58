import NBEngine
import Synchronization

@testable import NBServer

/// A server on epoll, turned by ``ThreadHost`` on a thread of its own; stopped at the latest when dropped.
final class EpollServer<Behavior: NonBlockingServer & Sendable>: Sendable {
    struct End {
        var counters = ServerCounters()
        var result: Result<StopReason, ServerError> = .success(.requested)
    }

    let control = LoopControl()
    let mailbox: Mailbox
    let addresses: [SocketAddress]
    private let end = Outcome<End>()

    init(_ behavior: Behavior, listeners: Int = 1, options: ServerOptions) throws {
        let (control, end) = (control, end)
        mailbox = Mailbox(control, options)
        let sockets = try (0..<listeners).map { _ in try ListenSocket("127.0.0.1:0", options: []) }
        addresses = sockets.map(\.address)
        control.addresses.withLock { $0 = sockets.map(\.address) }
        try control.doorbell.open()
        let box = TypedBehaviorBox(behavior, mailbox)
        // The thread that is started next is the only one to use it.
        nonisolated(unsafe) let start = { try Self.serve(box, sockets, control, options) }
        try startThread {
            do {
                end.resolve(try start())
            } catch {
                end.resolve(End(result: .failure(error as? ServerError ?? .mailboxFull)))
            }
        }
    }

    private static func serve(
        _ box: BehaviorBox,
        _ sockets: [ListenSocket],
        _ control: LoopControl,
        _ options: ServerOptions
    ) throws -> End {
        let engine = try EpollEngine(
            quantum: options.quantum,
            receiveBufferCount: options.receiveBufferCount,
            receiveBufferSize: options.receiveBufferSize
        )
        var loop = Loop(
            engine: engine,
            calls: KernelSocketCalls(),
            sockets: sockets,
            behavior: box,
            control: control,
            options: options
        )
        let result: Result<StopReason, ServerError>
        do throws(ServerError) {
            result = .success(try ThreadHost.run(&loop))
        } catch {
            result = .failure(error)
        }
        return End(counters: loop.state.pointee.counters.pointee, result: result)
    }

    /// Stops it, and waits for its end.
    @discardableResult
    func stop() -> End {
        control.requestStop()
        return waitForEnd()
    }

    func waitForEnd() -> End {
        let value = end.wait()
        control.doorbell.close()
        return value
    }

    deinit {
        stop()
    }
}
