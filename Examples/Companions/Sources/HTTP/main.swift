// HTTP/1.1 with SwiftNIO's codec, behind nb-server: SwiftNIO reads and writes, nb-server accepts.
//
//   swift run nio-http, and then: curl 127.0.0.1:7777

import CompanionProgram
import NBServerNIO
import NIOHTTP1
import NIOPosix

let acceptor = try NIOAcceptor(
    group: MultiThreadedEventLoopGroup.singleton,
    listeningOn: listeningAddress(port: 7777),
    maximumOpen: 10_000
) { channel in
    channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(SoupHandler())
    }
}
announce("listening", acceptor.addresses)
try await AcceptorService(acceptor).runUntilSignal()
