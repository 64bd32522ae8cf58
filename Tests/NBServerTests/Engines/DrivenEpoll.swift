import Glibc
import NBEngine
import Testing

@testable import NBServer

/// An engine on epoll that a test enters by hand, with the descriptors it may use.
struct DrivenEpoll: ~Copyable {
    var engine: EpollEngine

    init(quantum: Int = 64, bufferCount: Int = 4, bufferSize: Int = 16, acceptsInRunsOnly: Bool = false) throws {
        engine = try EpollEngine(
            quantum: quantum,
            receiveBufferCount: bufferCount,
            receiveBufferSize: bufferSize,
            acceptsInRunsOnly: acceptsInRunsOnly
        )
        expect(engine.openReceiveBuffers(), is: 0, "the receive buffers")
    }

    mutating func submit(_ operation: Operation, _ token: UInt32, silently: Bool = false) {
        engine.submit(operation, token: Token(kind: 1, slot: token), silently: silently)
    }

    /// Enters without waiting, as often as there is something to do; returns what has completed.
    mutating func poll() throws -> [Completion] {
        var all: [Completion] = []
        repeat {
            try engine.enter(until: engine.now)
            all += takeCompletions()
        } while engine.isPending
        // An enter that brought completions may not have asked epoll.
        try engine.enter(until: engine.now)
        return all + takeCompletions()
    }

    /// Enters once.
    mutating func enter() throws -> [Completion] {
        try engine.enter(until: engine.now)
        return takeCompletions()
    }

    /// Waits until so many operations have completed, or ten seconds have passed.
    mutating func wait(for count: Int) throws -> [Completion] {
        let end = engine.now + .seconds(10)
        var all: [Completion] = []
        while all.count < count, engine.now < end {
            try engine.enter(until: end)
            all += takeCompletions()
        }
        return all
    }

    /// Enters without waiting; exactly this completes.
    mutating func poll(expecting said: [Said], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let completions = try poll()
        #expect(completions.said == said, sourceLocation: sourceLocation)
    }

    /// Waits; exactly this completes.
    mutating func wait(expecting said: [Said], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let completions = try wait(for: said.count)
        #expect(completions.said == said, sourceLocation: sourceLocation)
    }

    /// Takes so many completions at the most.
    mutating func take(_ count: Int) -> [Completion] {
        var batch = CompletionBatch(capacity: count)
        engine.takeCompletions(into: &batch)
        return batch.advance(by: .max).map { batch[$0] }
    }

    private mutating func takeCompletions() -> [Completion] { take(1024) }

    /// What a receive has brought; its buffer is returned.
    mutating func text(_ completion: Completion) -> String? {
        guard let bytes = engine.received(completion), let buffer = completion.buffer else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        engine.returnBuffer(buffer)
        return text
    }

    /// The descriptors that epoll watches.
    var watched: [Int32] { interests.keys.sorted() }

    /// Those of them that it watches for output as well.
    var watchedForOutput: [Int32] { interests.filter { $0.value & EventPoll.output != 0 }.keys.sorted() }

    /// What each descriptor is watched for: `proc_pid_fdinfo(5)`.
    private var interests: [Int32: UInt32] {
        guard let file = fopen("/proc/self/fdinfo/\(engine.poll.descriptor)", "r") else { return [:] }
        defer { fclose(file) }
        var interests: [Int32: UInt32] = [:]
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let words = text.split(whereSeparator: { " :\t".contains($0) })
            guard words.first == "tfd", words.count > 3, let number = Int32(words[1]) else { continue }
            interests[number] = UInt32(words[3], radix: 16)
        }
        return interests
    }
}

/// In short, what a completion says.
struct Said: Hashable, CustomStringConvertible {
    let token: UInt32
    let result: Int32
    let isLast: Bool

    init(_ token: UInt32, _ result: Int32, isLast: Bool = true) {
        (self.token, self.result, self.isLast) = (token, result, isLast)
    }

    init(_ completion: Completion) {
        self.init(completion.token.slot, completion.result, isLast: completion.isLast)
    }

    var description: String { "\(token): \(result)\(isLast ? "" : "…")" }
}

extension [Completion] {
    var said: [Said] { map(Said.init) }
}
