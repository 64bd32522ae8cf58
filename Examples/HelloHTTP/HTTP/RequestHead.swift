// The head of an HTTP/1 request, read as RFC 9112 (the message) and RFC 9110 (its fields) define it. It knows bytes, and no
// sockets.
//
// A proxy in front of a server reads the same bytes. Where the two disagree on the end of a line, of a head or of a body, one
// takes for a body what the other takes for the next request, which no proxy has checked: request smuggling. So nothing here is
// repaired or guessed. A head is read as the RFCs say, or it is refused and the connection closes. Bytes never become text before
// they are understood, because text has line ends, blanks and letter cases that HTTP does not have.

private typealias Bytes = ArraySlice<UInt8>

package struct RequestHead {
    /// The longest head that is read, and the longest body that is read or skipped, in bytes.
    package static let limit = 8 << 10
    package static let bodyLimit = 1 << 20

    package private(set) var status = Status.ok
    package private(set) var isHead = false
    /// What is asked for, as the client wrote it.
    package private(set) var target: ArraySlice<UInt8> = []
    /// How many bytes after the head belong to this request.
    package private(set) var bodyLength = 0
    /// The body comes in chunks, each with its length.
    package private(set) var isChunked = false
    /// Whether another request may follow. After a refusal it may not, because its first byte is unknown.
    package private(set) var staysOpen = false

    /// 1 in `HTTP/1.1`. The message means the same with a higher one (RFC 9110, 2.5).
    private var minorVersion = 1
    /// POST is answered, and its body read, in chunks too.
    private let takesBodies: Bool

    /// - Parameters:
    ///   - head: a request line, field lines and the empty line that ends them.
    ///   - takesBodies: whether POST is answered.
    package init(_ head: ArraySlice<UInt8>, takesBodies: Bool = false) {
        self.takesBodies = takesBodies
        do throws(Status) {
            let lines = head.lines
            try readRequestLine(lines[0])
            let fields = try Fields(lines.dropFirst())
            try checkHost(fields)
            bodyLength = try length(fields)
            staysOpen = try isPersistent(fields)
        } catch {
            status = error
        }
    }

    /// A head that is not read to its end.
    package init(refusedWith status: Status) {
        takesBodies = false
        self.status = status
    }
}

/// A status line's code and phrase.
package struct Status: Error, Equatable {
    package let text: String

    package static let ok = Status(text: "200 OK")
    package static let notFound = Status(text: "404 Not Found")
    package static let badRequest = Status(text: "400 Bad Request")
    package static let methodNotAllowed = Status(text: "405 Method Not Allowed")
    package static let lengthRequired = Status(text: "411 Length Required")
    package static let contentTooLarge = Status(text: "413 Content Too Large")
    package static let uriTooLong = Status(text: "414 URI Too Long")
    package static let expectationFailed = Status(text: "417 Expectation Failed")
    package static let fieldsTooLarge = Status(text: "431 Request Header Fields Too Large")
    package static let notImplemented = Status(text: "501 Not Implemented")
    package static let versionNotSupported = Status(text: "505 HTTP Version Not Supported")
}

// The request line: a method, a target and a version, with one space between them (RFC 9112, 3).
extension RequestHead {
    private mutating func readRequestLine(_ line: Bytes) throws(Status) {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, words[0].isToken else { throw .badRequest }
        // A token is ASCII. Methods are case-sensitive.
        let method = String(decoding: words[0], as: UTF8.self)
        isHead = method == "HEAD"
        minorVersion = try Self.minorVersion(words[2])
        guard Self.isTarget(words[1], of: method) else { throw .badRequest }
        target = words[1]
        switch method {
        case "GET", "HEAD": break
        case "POST" where takesBodies: break
        case "CONNECT", "DELETE", "OPTIONS", "PATCH", "POST", "PUT", "TRACE": status = .methodNotAllowed
        default: status = .notImplemented
        }
    }

    private static func minorVersion(_ word: Bytes) throws(Status) -> Int {
        let digits = Array(word.suffix(3))
        guard word.count == 8, word.starts(with: "HTTP/".utf8), digits[1] == UInt8(ascii: "."), digits[0].isDigit,
            digits[2].isDigit
        else { throw .badRequest }
        guard digits[0] == UInt8(ascii: "1") else { throw .versionNotSupported }
        return Int(digits[2] - UInt8(ascii: "0"))
    }

    /// The four forms of RFC 9112, 3.2. A resource of `https` is refused as well, since nothing is encrypted here (RFC 9110, 7.4).
    private static func isTarget(_ target: Bytes, of method: String) -> Bool {
        guard target.allSatisfy(\.isOfURI) else { return false }
        if method == "CONNECT" { return target.isAuthority && target.last?.isDigit == true && target.contains(colon) }
        if target.elementsEqual("*".utf8) { return method == "OPTIONS" }
        if target.first == UInt8(ascii: "/") { return true }
        let scheme = "http://"
        guard target.prefix(scheme.utf8.count).matches(scheme) else { return false }
        let authority = target.dropFirst(scheme.utf8.count).prefix { !"/?".utf8.contains($0) }
        return authority.isAuthority && !authority.isEmpty && authority.first != colon
    }
}

// What the fields say.
extension RequestHead {
    /// One that may be empty, in every request of HTTP/1.1 (RFC 9112, 3.2).
    private func checkHost(_ fields: Fields) throws(Status) {
        let hosts = fields.values(of: "host")
        guard hosts.count == 1 || hosts.isEmpty && minorVersion == 0, hosts.allSatisfy(\.isAuthority) else {
            throw .badRequest
        }
    }

    /// The body's length by RFC 9112, 6.3.
    private mutating func length(_ fields: Fields) throws(Status) -> Int {
        let values = fields.values(of: "content-length")
        if !fields.values(of: "transfer-encoding").isEmpty {
            // HTTP/1.0 has no codings. With a length as well, two readers may choose differently. Chunked comes once, last.
            let codings = fields.list("transfer-encoding")
            guard minorVersion > 0, values.isEmpty, codings.last?.matches("chunked") == true,
                !codings.dropLast().contains(where: { $0.matches("chunked") })
            else { throw .badRequest }
            guard codings.count == 1 else { throw .notImplemented }
            guard takesBodies, status == .ok else { throw .lengthRequired }
            isChunked = true
            return 0
        }
        // Proxies join equal lengths into a list. Lengths that differ are an error.
        var length: Int?
        for word in values.flatMap(\.commaSeparated) {
            let next = try Self.number(word)
            guard length == nil || length == next else { throw .badRequest }
            length = next
        }
        guard length ?? 0 <= Self.bodyLimit else { throw .contentTooLarge }
        return length ?? 0
    }

    /// Digits only, as many as there are. Above the limit one number is like another.
    private static func number(_ word: Bytes) throws(Status) -> Int {
        guard !word.isEmpty, word.allSatisfy(\.isDigit) else { throw .badRequest }
        return word.reduce(0) { min($0 * 10 + Int($1 - UInt8(ascii: "0")), bodyLimit + 1) }
    }

    /// Whether the connection stays, by RFC 9112, 9.3.
    private func isPersistent(_ fields: Fields) throws(Status) -> Bool {
        let expectations = minorVersion > 0 ? fields.list("expect") : []
        guard expectations.allSatisfy({ $0.matches("100-continue") }) else { throw .expectationFailed }
        // The client hears the last word before it has sent the body, and may leave the body out.
        if !expectations.isEmpty && bodyLength > 0 { return false }
        let options = fields.list("connection")
        if options.contains(where: { $0.matches("close") }) { return false }
        return minorVersion > 0 || options.contains { $0.matches("keep-alive") }
    }
}

/// The field lines of a head: a name, a colon at once, and a value that has blanks around it, or has none (RFC 9112, 5).
private struct Fields {
    private var lines: [(name: Bytes, value: Bytes)] = []

    /// A line that begins with a blank once continued the line before; its name is no token.
    init(_ lines: some Sequence<Bytes>) throws(Status) {
        for line in lines {
            guard let end = line.firstIndex(of: colon), line[..<end].isToken else { throw .badRequest }
            let value = line[(end + 1)...].trimmed
            guard value.allSatisfy(\.isOfValue) else { throw .badRequest }
            self.lines.append((line[..<end], value))
        }
    }

    func values(of name: String) -> [Bytes] {
        lines.filter { $0.name.matches(name) }.map(\.value)
    }

    /// The members of a list, which may go on in the next line of that name. Empty ones do not count (RFC 9110, 5.6.1).
    func list(_ name: String) -> [Bytes] {
        values(of: name).flatMap(\.commaSeparated).filter { !$0.isEmpty }
    }
}

// The grammar's small words.

private let colon = UInt8(ascii: ":")

extension ArraySlice<UInt8> {
    /// The lines before the empty one at the end. Each ends with LF, and perhaps a CR before it (RFC 9112, 2.2).
    fileprivate var lines: [Bytes] {
        split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast(2)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
    }

    fileprivate var trimmed: Bytes {
        let start = drop(while: \.isBlank)
        return start.dropLast(start.reversed().prefix(while: \.isBlank).count)
    }

    fileprivate var commaSeparated: [Bytes] {
        split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(\.trimmed)
    }

    fileprivate var isToken: Bool { !isEmpty && allSatisfy(\.isOfToken) }

    /// A host, which may be empty, and perhaps a port.
    fileprivate var isAuthority: Bool {
        var port = drop { $0.isOfName }
        if first == UInt8(ascii: "[") {
            let address = dropFirst().prefix { $0.isLetterOrDigit || $0 == colon || $0 == UInt8(ascii: ".") }
            port = dropFirst(1 + address.count)
            guard !address.isEmpty, port.popFirst() == UInt8(ascii: "]") else { return false }
        }
        return port.isEmpty || port.first == colon && port.dropFirst().allSatisfy(\.isDigit)
    }

    /// Equal to a word in lower case, but for the case of ASCII letters: HTTP overlooks no other.
    fileprivate func matches(_ word: String) -> Bool {
        elementsEqual(word.utf8) { ($0.isLetter ? $0 | 0x20 : $0) == $1 }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    fileprivate var isLetterOrDigit: Bool { isLetter || isDigit }
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    fileprivate var isOfToken: Bool { isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains(self) }
    /// Of a host's name, or its IPv4 address.
    fileprivate var isOfName: Bool { isLetterOrDigit || "-._~%!$&'()*+,;=".utf8.contains(self) }
    fileprivate var isOfURI: Bool { isOfName || ":/?@[]".utf8.contains(self) }
    /// Of a field's value: no control character but the tab.
    fileprivate var isOfValue: Bool { self == UInt8(ascii: "\t") || self >= 0x20 && self != 0x7f }
}
