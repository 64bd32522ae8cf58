internal import CNBServer
internal import NBLibc
internal import NBServer

/// Connections on their way to the program: those of the present turn, in the form in which C gets them.
///
/// Owned by the ``HostedServer``, at an address that never changes. Used by the thread that runs the loop, without locks.
struct Batch: ~Copyable {
    private let connections: UnsafeMutablePointer<nb_connection>
    private let capacity: Int
    private var count = 0
    /// Where the addresses of clients are, if they are asked for.
    private let peers: UnsafeMutablePointer<sockaddr_in6>?
    private let deliver: nb_on_connections
    private let context: UnsafeMutableRawPointer?
    /// The numbers of the listeners, by their places.
    private var numbers: [UInt32] = []

    init(_ options: HostedServerOptions) {
        capacity = options.quantum
        connections = .allocate(capacity: capacity)
        connections.initialize(repeating: nb_connection(), count: capacity)
        peers = options.asksForPeers ? .allocate(capacity: capacity) : nil
        deliver = options.onConnections
        context = options.context
    }

    deinit {
        connections.deallocate()
        peers?.deallocate()
    }

    var isFull: Bool { count == capacity }
    var isEmpty: Bool { count == 0 }

    /// A listener has a place, which may have been another's.
    mutating func setNumber(_ number: UInt32, ofListenerAt place: Int) {
        while numbers.count <= place { numbers.append(0) }
        numbers[place] = number
    }

    /// Takes a connection that was just accepted. There must be room.
    mutating func append(_ connection: consuming Connection) {
        let number = numbers[connection.listenerPlace]
        guard let descriptor = connection.takeDescriptor() else { return }
        let entry = connections + count
        entry.pointee.descriptor = descriptor
        entry.pointee.listener = number
        if let peers { Self.setPeer(entry, peers + count) }
        count += 1
    }

    /// Asks for the client's address, which is no longer than one of IPv6; a client that has reset the connection already has none.
    private static func setPeer(
        _ entry: UnsafeMutablePointer<nb_connection>,
        _ peer: UnsafeMutablePointer<sockaddr_in6>
    ) {
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let address = UnsafeMutableRawPointer(peer)
        let result = getpeername(entry.pointee.descriptor, address.assumingMemoryBound(to: sockaddr.self), &length)
        entry.pointee.peer = result == 0 ? UnsafeRawPointer(address) : nil
        entry.pointee.peer_length = result == 0 ? Int(length) : 0
    }

    /// Hands the connections to the program, which owns their descriptors from then on.
    mutating func flush() {
        let count = count
        self.count = 0
        deliver(context, connections, count)
    }
}
