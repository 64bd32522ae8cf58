import GrantedLevels
import Testing

@testable import NBServer

/// IPv4 clients of listeners that take both families, on the real kernel.
@Suite(.serialized) struct MappedPeerTests {
    /// Where it listens, and what a client of 127.0.0.1 and one of `::1` are told of themselves, each as two IPv6 addresses without
    /// a port.
    @Test(arguments: EngineChoice.granted)
    func anIPv4ClientOfADualStackListenerHasItsIPv4Address(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, listening: "[::]:0") { connection, _ in
                    let addresses = [connection.peerAddress, connection.localAddress, connection.rawPeerAddress]
                    connection.send(addresses.map { $0?.description ?? "none" }.joined(separator: " "))
                }
                let port = server.address.port
                expect(server.address.description, is: "[::]:\(port)", "the listener")

                let client = try Client(try SocketAddress("127.0.0.1:\(port)"))
                let own = client.localAddress.port
                let told = "127.0.0.1:\(own) 127.0.0.1:\(port) [::ffff:127.0.0.1]:\(own)"
                expect(try client.readToEnd(), is: .end(told), "an IPv4 client")

                let other = try Client(try SocketAddress("[::1]:\(port)"))
                let same = other.localAddress.description
                expect(try other.readToEnd(), is: .end("\(same) [::1]:\(port) \(same)"), "an IPv6 client")
                try server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerKnowsTheSameAddresses(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var conduct = WorkerConduct()
                conduct.connected = { connection in
                    let addresses = [
                        connection.peerAddress, connection.localAddress, connection.rawPeerAddress,
                        connection.listenerAddress,
                    ]
                    connection.send(addresses.map { $0?.description ?? "none" }.joined(separator: " "))
                    connection.close()
                }
                let server = try RunningWorkers(engine: engine, listening: "[::]:0", conduct: conduct)
                let port = server.address.port
                let client = try Client(try SocketAddress("127.0.0.1:\(port)"))
                let own = client.localAddress.port
                let told = "127.0.0.1:\(own) 127.0.0.1:\(port) [::ffff:127.0.0.1]:\(own) [::]:\(port)"
                expect(try client.readToEnd(), is: .end(told), "an IPv4 client")
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aListenerAtAMappedAddressKeepsItsSpelling(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let listener = Lock<SocketAddress?>.Box(nil)
                let server = try RunningServer(engine: engine, listening: "[::ffff:127.0.0.1]:0") {
                    connection,
                    context in
                    let address = context.listenerAddress(of: connection)
                    listener.value.withLock { $0 = address }
                    connection.send(connection.peerAddress?.description ?? "none")
                }
                let port = server.address.port
                expect(server.address.description, is: "[::ffff:127.0.0.1]:\(port)", "the listener")
                let client = try Client(try SocketAddress("127.0.0.1:\(port)"))
                expect(try client.readToEnd(), is: .end("\(client.localAddress)"), "a client")
                expect(listener.value.withLock { $0 }, is: server.address, "the listener it came by")
                try server.stop()
            }
        }
    }
}
