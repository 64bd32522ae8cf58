/// Who takes part. The ceiling's depth is chosen beforehand, once for a crowd that waits and once for clients that come and go.
struct Lineup: Sendable {
    var contenders: [Contender]
    var depthForBacklog = 256
    var depth = 256

    func contenders(in scenario: any Scenario) -> [Contender] {
        let depth = scenario.name == Backlog().name ? depthForBacklog : depth
        return contenders.map { Contender.named($0.name, depth: depth) ?? $0 }
    }

    /// Whether somebody's depth is to be chosen.
    var hasRing: Bool {
        contenders.contains { contender in
            if case .loop(_, .some, _) = contender.program { true } else { false }
        }
    }
}
