/// One client of a generator, which has connection after connection with the same socket.
///
/// ```
///  idle ─ begin ─▶ connecting ─┬▶ queued ─ all are connected ─┐
///    ▲                         └──────────────────────────────┴▶ waiting ─ last byte ─▶ held
///    │                                                             │ the server ends
///    └───────────────── reset or closed ◀──────────────────────────┘
///
///  connecting, waiting ─ too long ─▶ cancelled ─▶ closed, idle
/// ```
struct ClientSlot {
    enum State: UInt8 {
        case idle, connecting, queued, waiting, held, cancelled
    }

    var descriptor: Int32 = -1
    var state = State.idle
    var stream: Int32 = 0
    /// Which connection it is, so that a completion for an earlier one is told from its own.
    var generation: UInt32 = 0
    var received: Int32 = 0
    /// Something else came than was expected.
    var isWrong = false
    /// When it was due; in a closed loop, when it began.
    var due: Moment = 0
    var began: Moment = 0
}
