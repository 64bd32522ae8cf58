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
    var onConnected: (borrowing WorkerConnection<Self>) throws -> Void = { _ in }
    var onReceived: ([UInt8], borrowing WorkerConnection<Self>) throws -> Void = { _, _ in }
    var onPeerClosed: (borrowing WorkerConnection<Self>) throws -> Void = { $0.close() }

    func connected(_ connection: borrowing WorkerConnection<Self>) throws {
        diary.lines.append("connected")
        try onConnected(connection)
    }

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws {
        let bytes = bytes.withUnsafeBytes { Array($0) }
        diary.lines.append("received \(String(decoding: bytes, as: UTF8.self))")
        try onReceived(bytes, connection)
    }

    func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws {
        diary.lines.append("inputEnded, \(connection.cutByteCount) bytes cut")
        try onPeerClosed(connection)
    }

    func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) {
        diary.lines.append("timeout: \(limit)")
        connection.reset()
    }

    consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
        diary.lines.append("closed: \(reason)")
    }
}

/// Which options a ``DiaryWorker`` has.
protocol WorkerKind: SendableMetatype {
    static var options: WorkerOptions { get }
}
