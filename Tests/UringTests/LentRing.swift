// A ring, by address, for a thread that must not use it. The owner keeps still meanwhile.

import NBUring

struct LentRing: @unchecked Sendable {
    private let pointer: UnsafeMutablePointer<DrivenRing>

    init(_ pointer: UnsafeMutablePointer<DrivenRing>) {
        self.pointer = pointer
    }

    func failureOfASubmission() -> RingError? {
        do {
            try pointer.pointee.ring.submit(.poll)
            return nil
        } catch {
            return error
        }
    }
}
