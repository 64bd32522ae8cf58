/// What became of a client: exactly one of these.
enum Outcome: Hashable {
    /// It got its greeting, whatever else its treatment gives, and the end of the stream.
    case greeted
    /// It got its greeting, its identity back, and the end of the stream.
    case echoed
    /// It left, stalled or was cut off underway, as it was to.
    case rude
    /// It was connected, and the server ended that without having said anything.
    case turnedAway
    /// It was never connected, since nobody listened.
    case refused
    /// None of these, and why.
    case failed(String)
}
