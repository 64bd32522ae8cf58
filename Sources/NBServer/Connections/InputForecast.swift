/// Whether clients have mostly spoken by the time that the server asks what they say.
///
/// A receive that finds nothing has looked in vain before it waits, and one that waits first although there is something takes a step more:
/// either is a fiftieth of a short connection. Clients of one server are alike: those on the same machine have not spoken yet when they
/// are accepted; of those behind a network, and of those that a busy server lets wait, the first bytes are there. So one in sixteen is
/// looked at, and the others are taken to be like it.
///
/// A value of the table of connections; loop's thread only.
struct InputForecast {
    private static let interval = 16

    private(set) var expectsInput = true
    private var untilLook = 0

    /// Whether this connection is to be looked at.
    mutating func isLookDue() -> Bool {
        untilLook = untilLook == 0 ? Self.interval - 1 : untilLook - 1
        return untilLook == Self.interval - 1
    }

    mutating func note(hasInput: Bool) { expectsInput = hasInput }
}
