// A server as a service among others: the service group handles the signals. SIGTERM drains, Ctrl-C stops.
//
//   swift run service-group, and then: curl 127.0.0.1:7777

import CompanionProgram
import Logging
import NBServer
import NBServerLifecycle
import NBServerObservability
import ServiceLifecycle

let logger = Logger(label: "service-group", factory: { StreamLogHandler.standardError(label: $0) })
let server = try Server(listening: listeningAddress(port: 7777), observer: LogObserver(logger)) { _ in SoupWorker() }
announce("listening", server.addresses)
let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
        services: [.init(service: server.service(drainingWithin: .seconds(10)))],
        gracefulShutdownSignals: [.sigterm],
        cancellationSignals: [.sigint],
        logger: logger
    )
)
try await group.run()
