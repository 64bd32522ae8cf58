internal import NBEngine

/// A door that opens once: threads wait in front of it until then. Any thread may wait or open.
///
/// ```
///  closed ── a thread waits ──▶ awaited ── open() ──▶ open
///    └───────────────────── open() ────────────────────▲
/// ```
final class Gate: Sendable {
    private static let closed: UInt32 = 0
    private static let awaited: UInt32 = 1
    private static let open: UInt32 = 2

    private let state = Futex(closed)

    func open() {
        if state.exchange(Self.open) == Self.awaited { state.wake() }
    }

    func wait() {
        wait(until: nil)
    }

    /// Waits until the door is open or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) {
        state.wait(for: Self.open, from: Self.closed, by: Self.awaited, until: deadline)
    }
}
