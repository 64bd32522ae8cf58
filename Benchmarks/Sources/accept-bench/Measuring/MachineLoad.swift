import LoopbackClient
import Measuring

/// What the machine's CPUs have done, from a starting point on.
struct MachineLoad {
    private let placement: Placement?
    private let start: CPUTicks
    private let begin = Moment.now()

    init(_ placement: Placement?) throws {
        self.placement = placement
        start = try CPUTicks(textOfFile("/proc/stat"))
    }

    /// The share of the server's CPU and that of its clients' together, of which they themselves used so much. Not pinned,
    /// or with servers on all CPUs, they have the same, which is all of them.
    func since(serverSeconds: Double, clientSeconds: Double) throws -> (server: CPUShare, clients: CPUShare) {
        let now = try CPUTicks(textOfFile("/proc/stat"))
        let seconds = max(0.01, Moment.now().since(begin).seconds)
        func share(_ processors: [Int], _ own: Double) -> CPUShare {
            now.share(of: processors, since: start, seconds: seconds, ownSeconds: own)
        }
        guard let placement, !placement.isShared else {
            let all = share(now.processors, serverSeconds + clientSeconds)
            return (all, all)
        }
        return (share(placement.servers, serverSeconds), share(placement.clients, clientSeconds))
    }
}
