// Tokens for tests, and the smallest operation: it completes at its submission, on every level, with ENOENT.

import Glibc
import NBEngine

extension Token {
    /// Nothing is ever submitted with this token.
    static let unused = Token(kind: 254, generation: Token.generationMask, slot: .max)

    /// Marks a point in the order of submissions.
    static let fence = Token(kind: 253, slot: 0)

    static func numbered(_ number: Int) -> Token {
        Token(kind: 1, generation: 7, slot: UInt32(number))
    }
}

extension Operation {
    /// Cancels what is not there.
    static let echo = Operation.cancel(.unused, descriptor: -1)
}

extension Completion {
    /// What an echo comes to.
    static func echo(_ number: Int) -> Completion {
        Completion(token: .numbered(number), result: -ENOENT)
    }
}

extension [Completion] {
    /// The only completion with this token.
    func only(_ token: Token) -> Completion? {
        let matching = filter { $0.token == token }
        return matching.count == 1 ? matching[0] : nil
    }

    /// Results that are no failures.
    var descriptors: [Int32] { map(\.result).filter { $0 >= 0 } }
}
