// Accepting: every connection once, with its flags, one at a time or many; and how an accept ends.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct AcceptTests {
    @Test(arguments: KernelLevel.granted)
    func aOneShotAcceptTakesOneConnectionAndIsOver(level: KernelLevel) throws {
        let listener = try LoopbackListener()
        var accepted = Descriptors()
        var ring = try DrivenRing(level)
        try ring.prepare(.accept(listener: listener.descriptor, .oneShot), token: .numbered(1))
        try ring.submit()
        #expect(ring.ready() == [])
        let crowd = try LoopbackCrowd(2, port: listener.port)
        let first = try ring.take(1)
        accepted.adopt(first.descriptors)
        #expect(first.map(\.isLast) == [true])
        #expect(first.map(\.token) == [.numbered(1)])
        #expect(accepted.all.count == 1)
        #expect(try ring.settle() == [])
        // The other one waits for the next accept.
        accepted.adopt([try ring.result(of: .accept(listener: listener.descriptor, .oneShot))])
        try expectOwnDescriptors(accepted, of: crowd.ports)
    }

    @Test(arguments: KernelLevel.granted.filter { $0 > .linux5_11 }, [true, false])
    func aMultishotAcceptTakesEveryConnectionOnce(level: KernelLevel, isArmedFirst: Bool) throws {
        let listener = try LoopbackListener()
        var accepted = Descriptors()
        var ring = try DrivenRing(level)
        try ring.prepare(.accept(listener: listener.descriptor, .multishot), token: .numbered(1))
        if isArmedFirst { try ring.submit() }
        let crowd = try LoopbackCrowd(20, port: listener.port)
        let completions = try ring.take(20)
        accepted.adopt(completions.descriptors)
        #expect(completions.map(\.token) == Array(repeating: .numbered(1), count: 20))
        #expect(completions.filter(\.isLast) == [])
        try expectOwnDescriptors(accepted, of: crowd.ports)
        #expect(try ring.settle() == [])
        try expectCancelEnds(.numbered(1), for: listener.descriptor, on: &ring)
    }

    @Test(arguments: KernelLevel.granted.filter { $0 > .linux5_11 })
    func aFullCompletionQueueEndsTheArmWithAValidDescriptor(level: KernelLevel) throws {
        let listener = try LoopbackListener()
        var accepted = Descriptors()
        var ring = try DrivenRing(level, submissionDepth: 8, completionDepth: 8)
        let crowd = try LoopbackCrowd(40, port: listener.port)
        var arms = 0
        var isArmed = false
        while accepted.all.count < 40 {
            if !isArmed {
                try ring.prepare(.accept(listener: listener.descriptor, .multishot), token: .numbered(arms))
                arms += 1
                isArmed = true
            }
            // One at a time is enough: whatever else is there comes with it.
            let completions = try ring.takeSome()
            accepted.adopt(completions.descriptors)
            // Never an error, and every arm that ended did so with a connection.
            try #require(completions.filter { $0.result < 0 } == [])
            #expect(completions.filter { $0.token != .numbered(arms - 1) } == [])
            #expect(completions.filter(\.isLast).count <= 1)
            if completions.contains(where: \.isLast) { isArmed = false }
        }
        #expect(arms > 1)
        try expectOwnDescriptors(accepted, of: crowd.ports)
        if isArmed { try expectCancelEnds(.numbered(arms - 1), for: listener.descriptor, on: &ring) }
        #expect(try ring.settle() == [])
    }

    @Test(arguments: KernelLevel.granted, [Operation.AcceptMode.oneShot, .multishot])
    func aCancelledAcceptEndsWithItsOwnLastCompletion(level: KernelLevel, mode: Operation.AcceptMode) throws {
        let listener = try LoopbackListener()
        var ring = try DrivenRing(level)
        try ring.prepare(.accept(listener: listener.descriptor, mode), token: .numbered(1))
        try ring.submit()
        try expectCancelEnds(.numbered(1), for: listener.descriptor, on: &ring)
        // Nobody accepts any more: the next client is still there for another accept.
        let crowd = try LoopbackCrowd(1, port: listener.port)
        #expect(try ring.settle() == [])
        var accepted = Descriptors()
        accepted.adopt([try ring.result(of: .accept(listener: listener.descriptor, .oneShot))])
        try expectOwnDescriptors(accepted, of: crowd.ports)
    }

    @Test(arguments: KernelLevel.granted, [Operation.AcceptMode.oneShot, .multishot])
    func aListenerThatIsShutDownEndsItsAccept(level: KernelLevel, mode: Operation.AcceptMode) throws {
        let listener = try LoopbackListener()
        var ring = try DrivenRing(level)
        try ring.prepare(.accept(listener: listener.descriptor, mode), token: .numbered(1))
        try ring.submit()
        #expect(ring.ready() == [])
        try listener.shutDown()
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: -EINVAL)])
        // And refuses another.
        try ring.prepare(.accept(listener: listener.descriptor, mode), token: .numbered(2))
        #expect(try ring.take(1) == [Completion(token: .numbered(2), result: -EINVAL)])
    }

    @Test(arguments: KernelLevel.granted, [Operation.AcceptMode.oneShot, .multishot])
    func whatIsNoListenerIsRefused(level: KernelLevel, mode: Operation.AcceptMode) throws {
        let event = try EventDescriptor()
        var ring = try DrivenRing(level)
        try ring.prepare(.accept(listener: event.descriptor, mode), token: .numbered(1))
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: -ENOTSOCK)])
        try ring.prepare(.accept(listener: -1, mode), token: .numbered(2))
        #expect(try ring.take(1) == [Completion(token: .numbered(2), result: -EBADF)])
    }

    /// Every client reached, each by a descriptor of its own that does not block and is not inherited.
    private func expectOwnDescriptors(
        _ accepted: borrowing Descriptors,
        of clients: Set<UInt16>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let descriptors = accepted.all
        let ports = try accepted.peerPorts()
        #expect(descriptors.count == clients.count, sourceLocation: sourceLocation)
        #expect(ports == clients, sourceLocation: sourceLocation)
        for descriptor in descriptors {
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK == O_NONBLOCK, sourceLocation: sourceLocation)
            #expect(fcntl(descriptor, F_GETFD) == FD_CLOEXEC, sourceLocation: sourceLocation)
        }
    }

    private func expectCancelEnds(
        _ token: Token,
        for listener: Int32,
        on ring: inout DrivenRing,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try ring.prepare(.cancel(token, descriptor: listener), token: .numbered(1_000), sourceLocation: sourceLocation)
        // In either order: the kernel promises none.
        let completions = try ring.take(2, sourceLocation: sourceLocation)
        let ofCancel = completions.only(.numbered(1_000))
        let ofAccept = completions.only(token)
        #expect(ofCancel?.result == 0, sourceLocation: sourceLocation)
        #expect(ofAccept?.result == -ECANCELED, sourceLocation: sourceLocation)
        #expect(ofAccept?.isLast == true, sourceLocation: sourceLocation)
    }
}
