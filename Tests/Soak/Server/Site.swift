internal import Measuring

/// A server, as the soak sees it: a name, and a port for each treatment.
struct Site {
    let name: String
    private let ports: [UInt16]

    init(name: String, ports: [UInt16]) throws {
        guard ports.count == Treatment.allCases.count else { throw Failure("\(name) has \(ports.count) ports") }
        self.name = name
        self.ports = ports
    }

    func port(_ treatment: Treatment) -> UInt16 { ports[treatment.rawValue] }
}
