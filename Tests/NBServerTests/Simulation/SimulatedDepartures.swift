@testable import NBServer

/// What `ServerGroup.removeListener` does, for the loops that are played.
///
/// Every loop is asked to serve the queue of its listener. When all have answered, or the caller loses patience, all are asked to close
/// their listeners. Shared by the loops of a group; used by one thread at a time.
///
/// ```
///  asked to serve ── all have answered, or no patience ──▶ asked to close ── all have answered, or no patience ──▶ done
/// ```
final class SimulatedDepartures {
    private struct Loop {
        unowned let history: SimulatedHistory
    }

    /// What one loop was asked for.
    private struct Request {
        unowned let history: SimulatedHistory
        let call: TypedCall<Result<Void, ServerError>>

        var hasSucceeded: Bool { if case .success? = try? call.get() { true } else { false } }
    }

    private struct Departure {
        let address: SocketAddress
        var requests: [Request]
        var mayClose = false

        var isAnswered: Bool { requests.allSatisfy(\.call.pending.isSettled) }
    }

    private var loops: [Loop] = []
    private var departures: [Departure] = []

    func join(_ history: SimulatedHistory) {
        loops.append(Loop(history: history))
    }

    /// The listeners of all loops on an address are to be removed.
    func begin(at address: SocketAddress) {
        let requests = askAll { $0.askToServeQueue(of: address) }
        departures.append(Departure(address: address, requests: requests))
    }

    /// Departures whose requests are answered go on; if the caller is impatient, all do.
    func goOn(isImpatient: Bool) {
        departures = departures.compactMap { departure in
            guard departure.isAnswered || isImpatient else { return departure }
            giveUp(departure)
            guard !departure.mayClose else {
                noteEnd(departure)
                return nil
            }
            let requests = askAll { $0.askToClose(departure.address) }
            return Departure(address: departure.address, requests: requests, mayClose: true)
        }
    }

    private func askAll(_ ask: (SimulatedHistory) -> TypedCall<Result<Void, ServerError>>?) -> [Request] {
        loops.compactMap { loop in
            ask(loop.history).map { Request(history: loop.history, call: $0) }
        }
    }

    private func giveUp(_ departure: Departure) {
        for request in departure.requests where !request.call.pending.isSettled {
            request.history.giveUp(request.call)
            if !departure.mayClose { request.history.kernel.tally.note(.hastyDeparture) }
        }
    }

    /// Every loop that had a listener there, and could be asked, has closed it.
    private func noteEnd(_ departure: Departure) {
        let left = departure.requests.filter(\.hasSucceeded)
        if left.count == loops.count { left.first?.history.kernel.tally.note(.departed) }
    }
}
