import Dispatch
import Logging
import Synchronization

/// Writes down each line as one text, metadata in the order of their keys; holds up the logging thread until its gate is open.
struct RecordingHandler: LogHandler {
    let journal: Journal<String>
    var gate: Gate?
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        let words = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        journal.append((["\(event.level): \(event.message)"] + words).joined(separator: " "))
        gate?.wait()
    }
}

extension Logger {
    /// A logger that writes to a journal.
    init(_ journal: Journal<String>, heldBy gate: Gate? = nil) {
        self.init(label: "test") { _ in RecordingHandler(journal: journal, gate: gate) }
    }
}
