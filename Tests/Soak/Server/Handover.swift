/// A connection on its way to the echo. Owned by the closure that is to receive it, so its end without a descriptor is
/// noticed too. Server's thread only.
final class Handover {
    private let board: Board
    private var isComplete = false

    init(_ board: Board) {
        self.board = board
    }

    deinit {
        if !isComplete { board.update { $0[.letGo] += 1 } }
    }

    /// The descriptor has come; a second one would be counted too.
    func complete() {
        isComplete = true
        board.update { $0[.handedOver] += 1 }
    }
}
