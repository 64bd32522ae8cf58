// What servers of tests run on: a level of the ring, or epoll, which is one more.

public import NBUring

/// An engine of production, as an argument of tests: the ring on one of its levels, or epoll.
public enum EngineChoice: Codable, Hashable, Sendable, CustomStringConvertible {
    case ring(KernelLevel)
    case epoll

    /// The ring on each level that this kernel grants, lowest first.
    public static var grantedRings: [EngineChoice] { KernelLevel.granted.map { .ring($0) } }

    /// All that this kernel grants.
    public static var granted: [EngineChoice] { grantedRings + [.epoll] }

    /// The ring on the highest level that this kernel grants.
    public static var highestGranted: EngineChoice { .ring(.highestGranted) }

    /// What a process is told: a level's number, or -1 for epoll.
    public var number: Int {
        switch self {
        case .ring(let level): level.rawValue
        case .epoll: -1
        }
    }

    /// The engine with that number.
    public init?(number: Int) {
        guard number != -1 else {
            self = .epoll
            return
        }
        guard let level = KernelLevel(rawValue: number) else { return nil }
        self = .ring(level)
    }

    /// The level of the ring, or epoll.
    public var description: String {
        switch self {
        case .ring(let level): "the ring of \(level)"
        case .epoll: "epoll"
        }
    }
}

extension KernelLevel: Codable {}
