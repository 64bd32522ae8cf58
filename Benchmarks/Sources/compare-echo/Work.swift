import ArgumentParser

/// What the servers are compared at.
enum Work: String, ExpressibleByArgument, CaseIterable {
    /// Long-lived connections send 64 bytes each and wait for them, in lock step.
    case echo
    /// Short connections send 64 bytes, get them back and are closed.
    case turnaround

    static let message = [UInt8](repeating: 0x6e, count: 64)
}
