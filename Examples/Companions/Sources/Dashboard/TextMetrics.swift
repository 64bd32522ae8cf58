// A backend for swift-metrics of one page. A program of yours has a real one, such as swift-prometheus.

internal import CoreMetrics
internal import Synchronization

/// Keeps every metric by its name, and writes them out. Any thread.
final class TextMetrics: MetricsFactory {
    /// One metric: what its name says is kept, and how it is written.
    final class Metric: CounterHandler, RecorderHandler, TimerHandler, Sendable {
        private let kind: String
        private let state = Mutex((count: 0, value: 0.0))

        init(_ kind: String) { self.kind = kind }

        func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
        func reset() { state.withLock { $0 = (0, 0) } }
        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) { state.withLock { $0 = ($0.count + 1, value) } }
        func recordNanoseconds(_ duration: Int64) {
            state.withLock { $0 = ($0.count + 1, $0.value + Double(duration) / 1e9) }
        }

        func lines(_ name: String) -> String {
            let (count, value) = state.withLock { $0 }
            switch kind {
            case "summary": return "# TYPE \(name) summary\n\(name)_sum \(value)\n\(name)_count \(count)\n"
            default: return "# TYPE \(name) \(kind)\n\(name) \(Int(value))\n"
            }
        }
    }

    private let metrics = Mutex<[String: Metric]>([:])

    /// All metrics, in the order of their names.
    var page: String {
        let all = metrics.withLock { $0 }
        return all.sorted { $0.key < $1.key }.map { $1.lines($0) }.joined()
    }

    private func metric(_ label: String, _ kind: String) -> Metric {
        metrics.withLock { metrics in
            let metric = metrics[label] ?? Metric(kind)
            metrics[label] = metric
            return metric
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { metric(label, "counter") }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        metric(label, "gauge")
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { metric(label, "summary") }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
