internal import NBEngine

// What a kernel that is short of memory has refused, and when the loop tries again; see `Shortage`.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// The return of a receive buffer has completed, where that takes an operation.
    @inline(never)
    mutating func completedReturn(_ completion: Completion) {
        guard completion.result < 0, let buffer = completion.token.returnedBuffer else { return }
        unreturnedBuffers.append(buffer)
        shortage.note(at: connections.pointee.now)
    }

    /// Tries again what was refused, if the pause is over.
    @inline(never)
    mutating func retryRefused() {
        guard shortage.takeEnd(at: connections.pointee.now) else { return }
        let buffers = unreturnedBuffers
        unreturnedBuffers = []
        for buffer in buffers { engine.returnBuffer(buffer) }
        connections.pointee.retryRefused(on: &engine)
        armWakeUp()
    }
}
