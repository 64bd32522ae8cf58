import Glibc
import NBEngine

@testable import NBServer

/// Crowds of clients that an engine on epoll accepts, and what becomes of each connection then. Used by one thread.
final class Crowds {
    /// What the owner of an engine does with a connection.
    enum Conduct: Codable {
        /// Nothing more, as where it is handed on.
        case stays
        case ends
        case receives
        case receivesAndEnds
        /// In the next turn.
        case receivesLater
    }

    private var driven: DrivenEpoll
    private let socket: ListenSocket
    private var open: [Int32] = []

    init(_ driven: consuming DrivenEpoll) throws {
        self.driven = driven
        socket = try ListenSocket("127.0.0.1:0", options: [])
        self.driven.submit(.accept(listener: socket.descriptor, .multishot), 0)
    }

    deinit {
        for descriptor in open { close(descriptor) }
        socket.close()
    }

    /// Has so many clients come and be accepted; returns whether each was accepted by itself.
    func take(_ count: Int, _ conduct: Conduct) throws -> Bool {
        let clients = try (0..<count).map { _ in try Client(socket.address) }
        var runs: [Int] = []
        while runs.reduce(0, +) < count {
            let accepted = try driven.wait(for: 1).filter { $0.token.slot == 0 }
            runs.append(accepted.count)
            if conduct == .receivesLater { _ = try driven.enter() }
            for completion in accepted { serve(completion.result, conduct) }
        }
        _ = try driven.poll()
        withExtendedLifetime(clients) {}
        return runs == Array(repeating: 1, count: count)
    }

    private func serve(_ descriptor: Int32, _ conduct: Conduct) {
        switch conduct {
        case .stays: break
        case .receives, .receivesLater, .receivesAndEnds:
            driven.submit(.receive(descriptor: descriptor, .multishot, waitsFirst: true), UInt32(descriptor))
        case .ends: return driven.engine.close(descriptor)
        }
        guard conduct == .receivesAndEnds else { return open.append(descriptor) }
        driven.submit(.cancel(Token(kind: 1, slot: UInt32(descriptor)), descriptor: descriptor), 1, silently: true)
        driven.submit(.close(descriptor: descriptor), 1, silently: true)
    }
}
