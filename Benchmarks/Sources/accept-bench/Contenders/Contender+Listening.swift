import LoopbackClient
import Measuring

extension Contender {
    /// Starts one that is not ours, to hear whether it speaks first.
    ///
    /// One that does not start is taken for one that does not; the first scenario says what is wrong with it.
    func listenedTo(on placement: Placement?) throws -> Contender {
        var contender = self
        do {
            _ = try ContenderProcess(self, ServeOptions(work: .banner), on: placement)
            contender.speaksFirst = true
        } catch is Failure {}
        return contender
    }
}
