@testable import NBServer

/// A call of a simulated sender: whose it is, and what the behavior is to do about it.
struct SimulatedCall: Sendable {
    enum Wish: CaseIterable {
        case answerAtOnce
        /// Twice: the first answer counts.
        case answerTwice
        case answerLater
        case letGo
        /// The callback throws, with the caller let go or kept.
        case fail, keepAndFail
    }

    let wish: Wish
    /// Which of all calls it is.
    let number: Int
    let origin: Origin
    let caller: Caller<Int>

    /// Which message of which sender; those that were refused do not count.
    struct Origin {
        let sender: Int
        let order: Int
    }
}
