import Glibc
import Measuring

/// Which of its addresses a server is reached at. A name may have several, and the server may listen at one of them only.
struct TargetChoice {
    /// Whether sources of 127.0.0.0/24 are wanted, from which no other family is reached.
    let spreads: Bool
    /// How long one address may take to answer.
    let patience: Double

    /// One address for each server, all of one family, since a client keeps its socket. An only address is taken as it is; of
    /// several, the first that takes a connection, which is closed at once.
    func targets(_ servers: [String]) throws -> [TargetAddress] {
        var targets: [TargetAddress] = []
        for server in servers {
            let addresses = try TargetAddress.all(server)
            let fit = addresses.filter { isFit($0, targets.first) }
            guard !fit.isEmpty else { throw Failure(objection(to: server, targets.first)) }
            targets.append(try addresses.count == 1 ? fit[0] : answering(fit))
        }
        return targets
    }

    private func isFit(_ address: TargetAddress, _ first: TargetAddress?) -> Bool {
        (!spreads || address.isLoopback) && (first == nil || address.family == first?.family)
    }

    private func objection(to server: String, _ first: TargetAddress?) -> String {
        guard !spreads else {
            return "\(server): source addresses of 127.0.0.0/24 reach 127.0.0.0/8 only; give --sources 0"
        }
        let family = first?.family == AF_INET6 ? "IPv6" : "IPv4"
        return "\(server): has no \(family) address, as the servers before it have; give each family a run of its own"
    }

    /// The first that takes a connection.
    func answering(_ addresses: [TargetAddress]) throws -> TargetAddress {
        var objections: [String] = []
        for address in addresses {
            do {
                try connect(to: address)
                return address
            } catch let failure as Failure {
                objections.append("\(failure)")
            }
        }
        throw Failure(objections.joined(separator: "; "))
    }

    private func connect(to address: TargetAddress) throws {
        let socket = try SourceAddresses.kernels.makeSocket(0, family: address.family)
        defer { close(socket) }
        let seconds = patience.rounded(.down)
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int((patience - seconds) * 1e6))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = address.bytes.withUnsafeBytes { bytes in
            Glibc.connect(socket, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        guard result == 0 else { throw Failure(call: "\(address)") }
    }
}
