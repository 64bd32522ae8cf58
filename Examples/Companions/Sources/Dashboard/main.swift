// A server's metrics as a dashboard reads them: at the second address, in the text format of Prometheus.
//
//   swift run dashboard, and then: curl 127.0.0.1:7777; curl 127.0.0.1:7778/metrics

import CompanionProgram
import Metrics
import NBServer
import NBServerObservability

/// Answers any request with all metrics.
struct MetricsPage: ConnectionWorker {
    static let options = WorkerOptions(framing: .line, idleTimeLimit: .seconds(30))
    let metrics: TextMetrics

    func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        let page = metrics.page
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: \(page.utf8.count)\r\n"
        connection.send(head + "Connection: close\r\n\r\n" + page)
        connection.close()
    }
}

let metrics = TextMetrics()
MetricsSystem.bootstrap(metrics)

let soup = try Server(listening: listeningAddress(port: 7777), observer: MetricsObserver()) { _ in SoupWorker() }
let pageAddress = Endpoint(CommandLine.arguments.dropFirst(2).first ?? "127.0.0.1:7778")
let page = try Server(listening: pageAddress) { _ in MetricsPage(metrics: metrics) }
announce("listening", soup.addresses)
announce("metrics", page.addresses)
try await page.start(stoppingOn: [.interrupt, .terminate])
try await soup.start(drainingOn: [.terminate], within: .seconds(10), stoppingOn: [.interrupt])
_ = await soup.waitForEnd()
_ = await page.waitForEnd()
