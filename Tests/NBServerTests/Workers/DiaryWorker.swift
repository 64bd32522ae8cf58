@testable import NBServer

/// What a worker was told, in order. Used by one thread.
final class WorkerDiary {
    var lines: [String] = []
}

/// Workers made of closures, which write down what they are told; a marker makes them types of their own, with options of
/// their own.
struct DiaryWorker<Kind: WorkerKind>: ConnectionWorker {
    static var options: WorkerOptions { Kind.options }

    let diary: WorkerDiary
    var onConnected: (borrowing WorkerConnection) throws -> Void = { _ in }
    var onReceived: ([UInt8], borrowing WorkerConnection) throws -> Void = { _, _ in }
    var onPeerClosed: (borrowing WorkerConnection) throws -> Void = { $0.close() }

    func connected(_ connection: borrowing WorkerConnection) throws {
        diary.lines.append("connected")
        try onConnected(connection)
    }

    func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) throws {
        let bytes = bytes.withUnsafeBytes { Array($0) }
        diary.lines.append("received \(String(decoding: bytes, as: UTF8.self))")
        try onReceived(bytes, connection)
    }

    func peerClosed(_ connection: borrowing WorkerConnection) throws {
        diary.lines.append("peerClosed, \(connection.cutByteCount) bytes cut")
        try onPeerClosed(connection)
    }

    func timeout(_ limit: TimeLimit, _ connection: borrowing WorkerConnection) {
        diary.lines.append("timeout: \(limit)")
        connection.reset()
    }

    consuming func closed(_ reason: CloseReason) {
        diary.lines.append("closed: \(reason)")
    }
}

/// Which options a ``DiaryWorker`` has.
protocol WorkerKind: SendableMetatype {
    static var options: WorkerOptions { get }
}
