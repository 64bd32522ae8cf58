internal import LinuxLibc
package import Uring

/// The engine of production: an io_uring, made and used by the loop's thread.
package struct RingEngine: Engine, ~Copyable {
    private var ring: Ring

    /// Completions that had to be taken early because the kernel wanted room before it took more submissions.
    private var early: [Completion] = []

    /// The error that ended the ring; thrown by the next wait.
    private var failure: RingError?

    /// The descriptor set aside.
    private var reserve: EventDescriptor?

    /// The buffers to receive into, made when they are first wanted.
    private let receiveBufferCount: Int
    private let receiveBufferSize: Int

    package init(_ options: RingOptions, receiveBufferCount: Int, receiveBufferSize: Int) throws(RingError) {
        ring = try Ring(options)
        self.receiveBufferCount = receiveBufferCount
        self.receiveBufferSize = receiveBufferSize
    }

    package var features: RingFeatures { ring.features }

    package var clock: () -> Instant { { .now } }

    package mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        if ring.prepare(operation, token: token, silently: silently) { return }
        submitInFullQueue(operation, token, silently)
    }

    package mutating func wait(until deadline: Instant?) throws(RingError) {
        if let failure { throw failure }
        while try ring.submit(waitMode(until: deadline)) == .congested {
            easeCongestion()
            guard early.isEmpty else { return }
        }
    }

    private func waitMode(until deadline: Instant?) -> Ring.Wait {
        guard early.isEmpty else { return .poll }
        guard let deadline else { return .forCompletion }
        let limit = now.duration(to: deadline)
        return limit == .zero ? .poll : .forCompletionOr(limit)
    }

    package var unsubmittedCloses: [Int32] { ring.unsubmittedCloses }

    package mutating func takeCompletions(into batch: inout CompletionBatch) {
        if !early.isEmpty {
            let count = min(early.count, batch.capacity - batch.count)
            for completion in early.prefix(count) { batch.append(completion) }
            early.removeFirst(count)
            guard early.isEmpty else { return }
        }
        ring.takeCompletions(into: &batch)
    }

    package var hasCompletions: Bool { !early.isEmpty || ring.hasCompletions }

    package mutating func openReceiveBuffers() -> Bool {
        (try? ring.openReceiveBuffers(count: receiveBufferCount, size: receiveBufferSize)) != nil
    }

    package func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        ring.received(completion)
    }

    package mutating func returnBuffer(_ number: UInt16) {
        while failure == nil, !ring.returnBuffer(number) { makeRoom() }
    }

    /// `shutdown(2)` does not block on a TCP socket. As an operation of the ring it would: the kernel gives it to a
    /// worker thread, where it may run after a close submitted behind it.
    package mutating func finishOutput(of descriptor: Int32) {
        LinuxLibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// With a linger time above zero a close waits for the peer, and the ring's would do that on the loop's thread.
    package mutating func forgetLinger(of descriptor: Int32) {
        NBServer.forgetLinger(of: descriptor)
    }

    package func peerState(of descriptor: Int32) -> PeerState { PeerState(of: descriptor) }

    package func isPlainTCP(_ descriptor: Int32) -> Bool {
        ForeignSocket.isPlainTCP(descriptor)
    }

    /// For a socket that listens, the kernel gives the length of its queue where it otherwise gives what is unacknowledged.
    @inline(never)
    package func queueLength(of listener: Int32) -> Int {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(listener, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return 0 }
        return Int(info.tcpi_unacked)
    }

    @inline(never)
    package mutating func takeReserve() -> Bool {
        if reserve == nil { reserve = try? EventDescriptor() }
        return reserve != nil
    }

    @inline(never)
    package mutating func giveReserve() -> Bool {
        reserve.take() != nil
    }

    /// Kept out of the way of the usual case.
    @inline(never)
    private mutating func submitInFullQueue(_ operation: Operation, _ token: Token, _ silently: Bool) {
        repeat {
            makeRoom()
        } while failure == nil && !ring.prepare(operation, token: token, silently: silently)
    }

    /// Hands over what the submission queue holds. A congested kernel first wants its completions taken.
    private mutating func makeRoom() {
        do {
            if try ring.submit() == .congested { easeCongestion() }
        } catch {
            failure = error
        }
    }

    /// Takes completions out of the kernel's way; if there are none, it is short of memory and is given a millisecond.
    private mutating func easeCongestion() {
        var batch = CompletionBatch(capacity: features.completionDepth)
        ring.takeCompletions(into: &batch)
        for index in 0..<batch.count { early.append(batch[index]) }
        if batch.count == 0 { usleep(1000) }
    }
}
