// HTTPS with NIOSSL, behind nb-server: a channel's TLS handler is added in its initializer, as behind a ServerBootstrap.
//
//   openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out certificate.pem
//   swift run nio-tls 127.0.0.1:7778 certificate.pem key.pem, and then: curl --cacert certificate.pem https://localhost:7778

import CompanionProgram
import NBServerNIO
import NIOHTTP1
import NIOPosix
import NIOSSL

let address = listeningAddress(port: 7778, and: ["CERTIFICATE", "KEY"])
let configuration = TLSConfiguration.makeServerConfiguration(
    certificateChain: try NIOSSLCertificate.fromPEMFile(CommandLine.arguments[2]).map { .certificate($0) },
    privateKey: .privateKey(try NIOSSLPrivateKey(file: CommandLine.arguments[3], format: .pem))
)
let context = try NIOSSLContext(configuration: configuration)

let acceptor = try NIOAcceptor(
    group: MultiThreadedEventLoopGroup.singleton,
    listeningOn: address,
    maximumOpen: 10_000
) { channel in
    channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(SoupHandler())
    }
}
announce("listening", acceptor.addresses)
try await AcceptorService(acceptor).runUntilSignal()
