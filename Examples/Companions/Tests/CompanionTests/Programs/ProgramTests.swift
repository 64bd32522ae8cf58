@preconcurrency import Glibc
import NBServer
import Testing

/// Each program of this package, asked by the clients that people use.
@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
    @Test(arguments: [SIGTERM, SIGINT]) func aServiceGroupServesUntilASignal(_ signal: Int32) async throws {
        try await onThread {
            let program = try Program(built: "service-group", ["127.0.0.1:0"])
            let address = try program.address()
            for _ in 0..<3 { #expect(try output(of: "curl", "-s", "http://\(address)/") == "No soup for you!\n") }
            program.signal(signal)
            #expect(program.wait() == 0)
            let end = signal == SIGTERM ? "drained" : "stop requested"
            let lines = program.errors.split(separator: "\n")
            #expect(
                lines.contains { $0.contains("server ended") && $0.contains("nb.reason=\(end)") },
                "\(program.errors)"
            )
            #expect(lines.contains { $0.contains("server drains") } == (signal == SIGTERM))
        }
    }

    /// A client that is being served when SIGTERM comes keeps its connection.
    @Test func aServiceGroupFinishesWhatIsUnderWay() async throws {
        try await onThread {
            let program = try Program(built: "service-group", ["127.0.0.1:0"])
            let client = try Client(SocketAddress(try program.address()))
            client.send("GET / HT")
            // Its answer shows that the client before it was accepted.
            #expect(try output(of: "curl", "-s", "http://\(client.peer)/") == "No soup for you!\n")
            program.signal(SIGTERM)
            while !program.errors.contains("server drains") { sched_yield() }
            client.send("TP/1.1\r\n\r\n")
            #expect(try client.readToEnd()?.hasSuffix("No soup for you!\n") == true)
            #expect(program.wait() == 0)
        }
    }

    @Test func aProgramSaysHowItIsUsed() async throws {
        try await onThread {
            for (arguments, status) in [(["--help"], Int32(0)), ([], 2), (["127.0.0.1:0", "certificate.pem"], 2)] {
                let program = try Program(built: "nio-tls", arguments)
                #expect(program.wait() == status)
                #expect(program.outputToEnd() + program.errors == "usage: nio-tls ADDRESS CERTIFICATE KEY\n")
            }
        }
    }

    @Test func aDashboardSaysWhatWasServed() async throws {
        try await onThread {
            let program = try Program(built: "dashboard", ["127.0.0.1:0", "127.0.0.1:0"])
            let (address, page) = (try program.address(), try program.address())
            for _ in 0..<5 { #expect(try output(of: "curl", "-s", "http://\(address)/") == "No soup for you!\n") }
            var text = ""
            // The last batch is told within a second.
            while !text.contains("nb_server_connections_accepted 5\n")
                || !text.contains("nb_server_connections_open 0\n")
            {
                text = try output(of: "curl", "-s", "http://\(page)/metrics")
            }
            #expect(text.contains("# TYPE nb_server_connections_accepted counter\n"))
            #expect(text.contains("nb_server_connections_delivered 5\n"))
            #expect(text.contains("nb_server_listeners_open 1\n"))
            #expect(text.contains("nb_server_listeners_parked 0\n"))
            #expect(text.contains("nb_server_mailbox_length 0\n"))
            #expect(text.contains("# TYPE nb_server_longest_turn summary\n"))
            program.signal(SIGTERM)
            #expect(program.wait() == 0)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func anHTTPServerServesUntilASignal(_ signal: Int32) async throws {
        try await onThread {
            let program = try Program(built: "nio-http", ["127.0.0.1:0"])
            let address = try program.address()
            #expect(try output(of: "curl", "-s", "http://\(address)/", "http://\(address)/") == soup + soup)
            let report = try output(of: "wrk", "-t1", "-c16", "-d1s", "http://\(address)/")
            #expect(report.contains("requests in") && !report.contains("Socket errors"), "\(report)")
            // Waits between two requests: a signal ends it, whichever.
            let idle = try Client(SocketAddress(address))
            idle.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try idle.read().map { String(decoding: $0, as: UTF8.self) }?.hasSuffix(soup) == true)
            program.signal(signal)
            #expect(try idle.read() == [])
            #expect(program.wait() == 0)
        }
    }

    @Test func anEchoWithTasksSendsEverythingBack() async throws {
        try await onThread {
            let program = try Program(built: "nio-echo", ["127.0.0.1:0"])
            let client = try Client(SocketAddress(try program.address()))
            client.send("hello")
            #expect(try client.read() == Array("hello".utf8))
            program.signal(SIGTERM)
            #expect(program.wait() == 128 + SIGTERM)
        }
    }

    @Test func aTLSServerIsTrustedByCurlAndOpenSSL() async throws {
        try await onThread {
            let folder = try output(of: "mktemp", "-d").split(separator: "\n")[0]
            defer { _ = try? output(of: "rm", "-r", "\(folder)") }
            let (key, certificate) = ("\(folder)/key.pem", "\(folder)/certificate.pem")
            _ = try output(
                of: "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-keyout",
                key,
                "-out",
                certificate
            )
            let program = try Program(built: "nio-tls", ["127.0.0.1:0", certificate, key])
            let port = try SocketAddress(try program.address()).port
            #expect(try output(of: "curl", "-s", "--cacert", certificate, "https://localhost:\(port)/") == soup)
            let dialog = """
                printf 'GET / HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -ign_eof -connect 127.0.0.1:\(port) \
                -servername localhost -CAfile \(certificate) -verify_return_error 2>/dev/null
                """
            #expect(try output(of: "sh", "-c", dialog).hasSuffix(soup))
            // One that speaks no TLS costs its own connection.
            let plain = try Client(SocketAddress("127.0.0.1:\(port)"))
            plain.send("GET / HTTP/1.1\r\n\r\n")
            _ = try plain.readToEnd()
            #expect(try output(of: "curl", "-s", "--cacert", certificate, "https://localhost:\(port)/") == soup)
            program.signal(SIGTERM)
            #expect(program.wait() == 0)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func hummingbirdServesBehindTheAcceptor(_ signal: Int32) async throws {
        try await onThread {
            let program = try Program(built: "hummingbird-soup", ["127.0.0.1:0"])
            let address = try program.address()
            #expect(try output(of: "curl", "-s", "http://\(address)/") == soup)
            #expect(try output(of: "curl", "-s", "http://\(address)/soup/tomato") == "No tomato soup for you!\n")
            #expect(
                try output(of: "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://\(address)/no") == "404\n"
            )
            let report = try output(of: "wrk", "-t1", "-c16", "-d1s", "http://\(address)/")
            #expect(report.contains("requests in") && !report.contains("Socket errors"), "\(report)")
            program.signal(signal)
            #expect(program.wait() == 0)
        }
    }
}

private let soup = "No soup for you!\n"
