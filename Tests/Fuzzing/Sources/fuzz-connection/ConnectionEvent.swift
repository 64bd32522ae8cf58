internal import Fuzzing

@testable internal import NBServer

/// One thing that happens to a connection, if the moment allows it.
enum ConnectionEvent {
    case accepted
    /// Its owner queues so many bytes.
    case queued(Int)
    /// Its owner wants to receive.
    case wantsInput
    /// Its owner is done with it; or the server is, which has an owner keep what is no connection any more.
    case dropped, detached, reset, serverEnded
    /// It is too late for anything but a reset.
    case expired
    /// The limit on what has yet to be sent has passed, and everything is sent.
    case drained
    /// The loop looks after what is due. An attempt to finish comes to this.
    case turn(ConnectionState.Finish)
    /// A send has taken so much of what it was given, in eighths, or has failed.
    case sent(ConnectionState.Outcome, eighths: Int)
    case received(ConnectionState.Outcome)
    case discarded(ConnectionState.Outcome)
    /// The kernel has had a rest.
    case rested

    init(_ input: inout Input) {
        let byte = input.byte()
        switch byte % 16 {
        case 0: self = .accepted
        case 1: self = .queued(1 << (Int(byte) >> 4))
        case 2: self = .wantsInput
        case 3: self = .dropped
        case 4: self = .detached
        case 5: self = .reset
        case 6: self = .serverEnded
        case 7: self = .expired
        case 8: self = .drained
        case 9, 10: self = .turn([.clean, .spoke, .unsent, .short, .refused, .failed][Int(byte >> 4) % 6])
        case 11: self = .turn(.clean)
        case 12: self = .sent([.done, .done, .refused, .failed][Int(byte >> 6)], eighths: Int(byte >> 4) % 4 * 3)
        case 13: self = .received([.done, .refused, .failed][Int(byte >> 4) % 3])
        case 14: self = .discarded([.done, .ended, .refused][Int(byte >> 4) % 3])
        default: self = .rested
        }
    }
}
