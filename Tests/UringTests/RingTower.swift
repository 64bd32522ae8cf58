// Rings that are alive at the same time on one thread, each held by a call of its own.

import GrantedLevels
import NBUring
import Testing

enum RingTower {
    /// What each ring reports; an echo must come back through every one of them.
    static func features(ofRings count: Int) throws -> [RingFeatures] {
        guard count > 0 else { return [] }
        var ring = try DrivenRing(.highestGranted, submissionDepth: 1, completionDepth: 1)
        let above = try features(ofRings: count - 1)
        try ring.prepareEchoes(0..<1)
        _ = try ring.take(1)
        return [ring.ring.features] + above
    }
}
