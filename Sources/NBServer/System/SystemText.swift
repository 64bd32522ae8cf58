internal import NBLibc
internal import NBUring

/// What a file of the kernel's says, or why that is not known. A value; tests make their own.
enum SystemText: Hashable, Sendable {
    /// Without blanks at either end.
    case text(String)
    /// There is no such file: the kernel is too old for it, or has no need of it.
    case absent
    /// Why it cannot be read.
    case unreadable(String)

    /// At most this many bytes of a file are read; no table of mounts is longer.
    private static let limit = 1 << 22

    /// Reads a file of `/proc` or `/sys`. `open(2)`, `read(2)`.
    static func read(_ path: String) -> SystemText {
        let file = open(path, O_RDONLY | closeOnExec)
        guard file >= 0 else { return failure(errno) }
        defer { NBLibc.close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 12)
        while bytes.count < limit {
            let count = NBLibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return failure(errno) }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return SystemText(String(decoding: bytes, as: UTF8.self))
    }

    /// The text of a file.
    init(_ text: String) {
        let isBlank: (Character) -> Bool = \.isWhitespace
        var trimmed = text[...].drop(while: isBlank)
        while trimmed.last.map(isBlank) ?? false { trimmed.removeLast() }
        self = .text(String(trimmed))
    }

    private static func failure(_ errno: Int32) -> SystemText {
        errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable(errorText(errno))
    }

    /// The text, which is there.
    func known(as name: String) throws(Unknown) -> String {
        switch self {
        case .text(let text): return text
        case .absent: throw Unknown("\(name) is not there")
        case .unreadable(let reason): throw Unknown("\(name) cannot be read: \(reason)")
        }
    }

    /// The numbers that the text is made of, as many as are expected.
    func numbers(_ count: Int, as name: String) throws(Unknown) -> [Int] {
        let text = try known(as: name)
        let words = text.split(whereSeparator: \.isWhitespace)
        let numbers = words.compactMap { Int($0) }
        guard words.count == count, numbers.count == count else {
            throw Unknown("\(name) reads \(text.prefix(40).description.inQuotes)")
        }
        return numbers
    }
}

/// Why something is not known.
struct Unknown: Error, Hashable, Sendable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
