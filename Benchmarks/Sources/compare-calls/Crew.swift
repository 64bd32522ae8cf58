import Dispatch
import Foundation
import Synchronization

/// Threads that do the same at once.
final class Crew: Sendable {
    private let failure = Mutex<(any Error)?>(nil)
    private let haveEnded = DispatchGroup()

    /// Runs `body` on so many threads, and returns when all have ended; throws what the first of them threw that did.
    static func run(_ count: Int, _ body: @escaping @Sendable () throws -> Void) throws {
        let crew = Crew()
        for _ in 0..<count {
            crew.haveEnded.enter()
            Thread.detachNewThread { crew.work(body) }
        }
        crew.haveEnded.wait()
        if let failure = crew.failure.withLock({ $0 }) { throw failure }
    }

    private func work(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            failure.withLock { if $0 == nil { $0 = error } }
        }
        haveEnded.leave()
    }
}
