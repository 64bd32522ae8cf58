/// Which listener is meant, in one of the ways in which callers may say so. A value.
enum ListenerName: Sendable, CustomStringConvertible {
    case id(ListenerID)
    case address(SocketAddress)
    case endpoint(Endpoint)

    var description: String {
        switch self {
        case .id(let id): id.description
        case .address(let address): address.description
        case .endpoint(let endpoint): endpoint.description
        }
    }

    /// What to do where no listener has that name.
    var cure: String {
        switch self {
        case .id: "the listener is closed, or another server's: forget its name"
        case .address, .endpoint: "this server does not listen there; see its addresses for where it does"
        }
    }
}
