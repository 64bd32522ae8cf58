// What HttpArena asks for in its profiles baseline, pipelined and limited-conn.

import ExampleHTTP

/// The answer to a request: `ok` to `/pipeline`, and to `/baseline11` the sum of `a`, `b` and the number in the body.
struct Answer {
    let request: Request
    /// The connection is closed when it is sent.
    let isLast: Bool

    /// Appends the bytes that go to the client.
    func append(to bytes: inout [UInt8]) {
        let (status, body) = statusAndBody
        bytes += "HTTP/1.1 ".utf8
        bytes += status.text.utf8
        bytes += "\r\nContent-Type: text/plain\r\nContent-Length: ".utf8
        bytes += "\(body.utf8.count)".utf8
        if status == .methodNotAllowed { bytes += "\r\nAllow: GET, HEAD, POST".utf8 }
        bytes += isLast ? "\r\nConnection: close\r\n\r\n".utf8 : "\r\nConnection: keep-alive\r\n\r\n".utf8
        if !request.head.isHead { bytes += body.utf8 }
    }

    private var statusAndBody: (Status, String) {
        guard request.head.status == .ok else { return (request.head.status, "\(request.head.status.text)\n") }
        let target = request.head.target.path
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        if path.elementsEqual("/pipeline".utf8) { return (.ok, "ok") }
        guard path.elementsEqual("/baseline11".utf8) else { return (.notFound, "\(Status.notFound.text)\n") }
        guard let sum = sum(target[path.endIndex...].dropFirst()) else {
            return (.badRequest, "\(Status.badRequest.text)\n")
        }
        return (.ok, "\(sum)")
    }

    /// `nil` if one of them is no number, or the sum is none that fits.
    private func sum(_ query: ArraySlice<UInt8>) -> Int? {
        var sum = 0
        func add(_ word: ArraySlice<UInt8>) -> Bool {
            guard let number = Int(ascii: word) else { return false }
            let (more, isTooMuch) = sum.addingReportingOverflow(number)
            sum = more
            return !isTooMuch
        }
        var rest = query
        while !rest.isEmpty {
            let field = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest[field.endIndex...].dropFirst()
            guard field.starts(with: "a=".utf8) || field.starts(with: "b=".utf8) else { continue }
            guard add(field.dropFirst(2)) else { return nil }
        }
        guard request.body.isEmpty || add(request.body[...]) else { return nil }
        return sum
    }
}

extension ArraySlice<UInt8> {
    /// The path and the query of a target, which may name the server as well.
    fileprivate var path: ArraySlice<UInt8> {
        guard first != UInt8(ascii: "/") else { return self }
        return dropFirst("http://".utf8.count).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    }
}

extension Int {
    /// Decimal digits, and perhaps a sign before them.
    fileprivate init?(ascii digits: ArraySlice<UInt8>) {
        let isNegative = digits.first == UInt8(ascii: "-")
        let digits = isNegative ? digits.dropFirst() : digits
        guard (1...18).contains(digits.count) else { return nil }
        self = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            self = self * 10 + Int(digit - UInt8(ascii: "0"))
        }
        if isNegative { negate() }
    }
}
