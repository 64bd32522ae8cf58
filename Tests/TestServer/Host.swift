import Glibc
import NBServer

/// Does what the commands say. Owned by the main thread, and used by it alone.
final class Host {
    private var servers: [Server<Greeter>] = []
    /// The last server that failed, held on to: it has to have let go of everything by itself.
    private var failed: Server<Greeter>?
    private let children = Children()

    func obey(_ command: Command) {
        switch command {
        case .start(let plan):
            serve(plan) { server throws(ServerError) in
                try server.startBlocking()
                self.servers.append(server)
            }
        case .run(let plan):
            serve(plan) { server throws(ServerError) in
                try server.run(stoppingOn: [.interrupt, .terminate])
                print("stopped")
            }
        case .stop:
            servers.removeFirst().stopBlocking()
            print("stopped")
        case .burst(let count): burst(count)
        case .child(let kind): children.make(kind)
        case .childInCallback(let kind): children.makeInCallback(kind)
        case .reap: children.reap()
        }
    }

    private func burst(_ count: Int) {
        do {
            let lock = Greeter.Lock()
            try lock.mutex.withLock { _ in
                try servers[0].cast(.wait(for: lock))
                for _ in 0..<count { try servers[0].cast(.count) }
            }
            print("handled \(try servers[0].callBlocking(Greeter.Call.counted, within: nil))")
        } catch {
            print("not handled: \(error)")
        }
    }

    private func serve(_ plan: Plan, _ body: (Server<Greeter>) throws(ServerError) -> Void) {
        do {
            var options = plan.options
            options.socketOptions = Greeter.socketOptions
            let server = try Server(
                Greeter(keeping: plan.keptCount, children),
                listening: plan.endpoints,
                options: options
            )
            failed = server
            try body(server)
            failed = nil
        } catch {
            // Of a server that failed there is nothing to wait for.
            failed?.stopBlocking()
            let words = ["\(error.code)", error.operation, error.address ?? "-", "\(error.errno ?? 0)"]
            print("failed " + words.joined(separator: ", "))
        }
    }
}
