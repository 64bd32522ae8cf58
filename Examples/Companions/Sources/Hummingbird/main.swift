// Hummingbird behind nb-server: its router answers, its HTTP channel reads and writes, nb-server accepts.
//
//   swift run hummingbird-soup, and then: curl 127.0.0.1:7777/soup/tomato

import CompanionProgram
import Hummingbird
import HummingbirdCore
import Logging
import NBServerNIO
import NIOPosix

let logger = Logger(label: "hummingbird-soup", factory: { StreamLogHandler.standardError(label: $0) })
let router = Router()
router.get("/") { _, _ in "No soup for you!\n" }
router.get("/soup/:kind") { _, context in "No \(try context.parameters.require("kind")) soup for you!\n" }
let responder = router.buildResponder()

let http = HTTP1Channel { request, writer, channel in
    let context = BasicRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
    let response: Response
    do {
        response = try await responder.respond(to: request, context: context)
    } catch let error as any HTTPResponseError {
        response = try error.response(from: request, context: context)
    }
    try await writer.write(response: response.head, body: response.body)
}
let acceptor = try NIOAsyncAcceptor(
    group: MultiThreadedEventLoopGroup.singleton,
    listeningOn: listeningAddress(port: 7777),
    maximumOpen: 10_000
) { channel in
    http.setup(channel: channel, logger: logger)
}
announce("listening", acceptor.addresses)
try await AcceptorService(acceptor) { await http.handle(value: $0, logger: logger) }.runUntilSignal()
