import Glibc
import LoopbackClient
import Measuring

/// Asks a server that is not ours as often as a connection has requests, to learn how long its answers are.
///
/// Each is a response of HTTP with a `Content-Length`. The last one says that the connection closes, and may be longer or shorter.
struct AnswerProbe: ~Copyable {
    private static let patience = timeval(tv_sec: 2, tv_usec: 0)
    private static let mostBytes = 1 << 20

    private let socket: Int32

    /// - Throws: ``Failure`` if the server does not answer, does not say how long an answer is, or does not close after the last one.
    static func learn(at target: TargetAddress, _ work: Work) throws -> LoadStream.Answer {
        let probe = try AnswerProbe(target)
        var lengths: [Int] = []
        for _ in 0..<work.exchanges { lengths.append(try probe.ask(work.request)) }
        guard Set(lengths.dropLast()).count <= 1, let each = lengths.first, let last = lengths.last else {
            throw Failure("its answers to the same request differ in length")
        }
        var byte: UInt8 = 0
        guard recv(probe.socket, &byte, 1, 0) == 0 else {
            throw Failure("it does not close a connection after \(work.exchanges) requests")
        }
        return .pieces(each: each, last: last)
    }

    private init(_ target: TargetAddress) throws {
        socket = Glibc.socket(target.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        var limit = Self.patience
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = target.bytes.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { connect(socket, $0.baseAddress, socklen_t(bytes.count)) }
        }
        guard result == 0 else { throw Failure(call: "connect") }
    }

    deinit { close(socket) }

    /// - Returns: how long the answer is.
    private func ask(_ request: [UInt8]) throws -> Int {
        guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw Failure(call: "send")
        }
        var bytes: [UInt8] = []
        while bytes.count < Self.mostBytes {
            if let length = Self.length(ofAnswerThatBegins: bytes), bytes.count >= length {
                guard bytes.count == length else { throw Failure("it answers more than it was asked") }
                return length
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw count < 0 ? Failure(call: "recv") : Failure("it ends a connection before the last request")
            }
            bytes += buffer[..<count]
        }
        throw Failure("it does not say how long its answer is")
    }

    /// Head and body; nil if the head is not there yet, or has no length.
    static func length(ofAnswerThatBegins bytes: [UInt8]) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8)?.upperBound else { return nil }
        let head = text.utf8[..<end]
        for line in String(decoding: head, as: UTF8.self).split(separator: "\r\n") {
            let field = line.split(separator: ":", maxSplits: 1)
            guard field.count == 2, field[0].lowercased() == "content-length" else { continue }
            return Int(field[1].filter(\.isNumber)).map { head.count + $0 }
        }
        return nil
    }
}
