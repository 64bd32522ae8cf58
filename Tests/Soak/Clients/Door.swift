/// Where a client connects to: a server's name, and the treatment it gets there.
struct Door: Hashable {
    let site: String
    let treatment: Treatment
}

extension Door: CustomStringConvertible {
    var description: String { "\(treatment) at \(site)" }
}
