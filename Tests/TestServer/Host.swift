import Glibc
import NBServer

/// Does what the commands say. Owned by the main thread, and used by it alone.
final class Host {
    private var servers: [Server<Greeter>] = []
    private let children = Children()

    func obey(_ command: Command) {
        switch command {
        case .start(let plan):
            sayingFailures { () throws(ServerError) in
                let server = try self.makeServer(plan)
                try server.start()
                self.servers.append(server)
            }
        case .run(let plan):
            sayingFailures { () throws(ServerError) in
                try self.makeServer(plan).run(stoppingOn: [.interrupt, .terminate])
                print("stopped")
            }
        case .stop:
            servers.removeFirst().stop()
            print("stopped")
        case .child(let kind): children.make(kind)
        case .childInCallback(let kind): children.makeInCallback(kind)
        case .reap: children.reap()
        }
    }

    private func makeServer(_ plan: Plan) throws(ServerError) -> Server<Greeter> {
        try Server(Greeter(keeping: plan.keptCount, children), listening: plan.endpoints, options: plan.options)
    }

    private func sayingFailures(_ body: () throws(ServerError) -> Void) {
        do {
            try body()
        } catch {
            let words = ["\(error.code)", error.operation, error.address ?? "-", "\(error.errno ?? 0)"]
            print("failed " + words.joined(separator: ", "))
        }
    }
}
