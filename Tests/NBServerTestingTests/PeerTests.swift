import NBLibc
import NBServer
import NBServerTesting
import Testing

/// Where clients come from and where they go: addresses, rules by source, listeners, options of sockets.
@Suite struct PeerTests {
    /// Tells a client who it is, and what it has reached.
    private struct Mirror: NonBlockingServer {
        mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
            _ = try context.addListener(on: "0.0.0.0:80")
            _ = try context.addListener(on: "[::]:0")
            return .continue
        }

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            let (peer, local) = (connection.peerAddress, connection.localAddress)
            connection.send("\(peer, default: "none") to \(local, default: "none")")
            return .continue
        }
    }

    @Test func addressesAreThoseOfTheTest() throws {
        let server = try TestServer(Mirror(), listenerCount: 2)
        let peer = try SocketAddress("192.0.2.7:1234")
        #expect(server.connect(from: peer).receiveText() == "192.0.2.7:1234 to 127.0.0.1:1")
        #expect(server.connect(to: 1, from: peer).receiveText() == "192.0.2.7:1234 to 127.0.0.1:2")
        let mapped = try SocketAddress("[::ffff:192.0.2.7]:1234")
        #expect(server.connect(from: mapped).receiveText() == "192.0.2.7:1234 to 127.0.0.1:1")
        let (one, other) = (server.connect(), server.connect())
        #expect(one.address != other.address && one.address.ip == other.address.ip)
        #expect(one.receiveText() == "\(one.address) to 127.0.0.1:1")
    }

    @Test func aListenerIsReachedByItsAddressAndEveryAddressThatItCovers() throws {
        let server = try TestServer(Mirror())
        let addresses = server.server.addresses
        #expect(addresses.count == 3 && addresses[2].port != 0)
        let peer = try SocketAddress("192.0.2.7:1234")
        for (address, local) in [
            ("127.0.0.1:1", "127.0.0.1:1"), ("0.0.0.0:80", "127.0.0.1:80"), ("192.0.2.1:80", "127.0.0.1:80"),
            ("[2001:db8::1]:\(addresses[2].port)", "[::1]:\(addresses[2].port)"),
            ("192.0.2.1:\(addresses[2].port)", "[::1]:\(addresses[2].port)"),
        ] {
            let client = server.connect(to: try SocketAddress(address), from: peer)
            #expect(client.receiveText() == "192.0.2.7:1234 to \(local)")
        }
        for address in ["127.0.0.1:2", "192.0.2.1:1", "[::1]:80"] {
            #expect(server.connect(to: try SocketAddress(address)).ending == .reset)
        }
        #expect(try server.status().counters.accepted == 5)
    }

    @Test func rulesAndLimitsHoldBySource() throws {
        let rules = try SourceRules([(try AddressPrefix("192.0.2.0/24"), .deny)], default: .allow)
        let limits = AdmissionLimits(perSource: AdmissionLimits.SourceLimits(maximumOpen: 1))
        let admission = try Admission(limits, rules: rules)
        let server = try TestServer(options: ServerOptions(admission: admission)) { _ in Echo() }
        #expect(server.connect(from: try SocketAddress("192.0.2.7:1")).ending == .reset)
        let first = server.connect(from: try SocketAddress("198.51.100.7:1"))
        #expect(first.ending == nil)
        #expect(server.connect(from: try SocketAddress("198.51.100.7:2")).ending == .reset)
        #expect(server.connect(from: try SocketAddress("198.51.100.8:1")).ending == nil)
        first.finish()
        #expect(server.connect(from: try SocketAddress("198.51.100.7:3")).ending == nil)
        let counters = try server.status().counters
        #expect(counters.accepted == 5 && counters.delivered == 3)
    }

    /// Sets an option of its choice, and says what came of it.
    private struct Setter: NonBlockingServer {
        let option: SocketOption

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            do throws(ServerError) {
                try connection.set(option)
                connection.send("set")
            } catch {
                connection.send("\(error.code), \(error.errno ?? 0)")
            }
            return .continue
        }
    }

    @Test func optionsOfConnectionsAreRecordedOrRefused() throws {
        let option = SocketOption.keepAlive(idle: .seconds(60), interval: .seconds(10), probes: 3)
        let server = try TestServer(Setter(option: option))
        let client = server.connect()
        #expect(client.receiveText() == "set")
        #expect(client.socketOptions == [option])
        server.fail(.setOption, with: ENOPROTOOPT)
        let refused = server.connect()
        #expect(refused.receiveText() == "socket, \(ENOPROTOOPT)")
        #expect(refused.socketOptions == [])
        #expect(try TestServer(Setter(option: .backlog(5))).connect().receiveText() == "invalidOption, 0")
        #expect(try TestServer(Setter(option: .linger(.seconds(-1)))).connect().receiveText() == "invalidOption, 0")
    }

    @Test func optionsOfListenersAreChecked() throws {
        let error = #expect(throws: ServerError.self) {
            try TestServer(Mirror(), options: ServerOptions(socketOptions: [.backlog(-1)]))
        }
        #expect(error?.code == .invalidOption)
        #expect(throws: Never.self) { try TestServer(Mirror(), options: ServerOptions(socketOptions: [.backlog(5)])) }
    }
}
