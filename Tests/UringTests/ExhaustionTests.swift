// Out of descriptors: said by what needs one, and no connection is lost. In processes of their own, for the limit is a
// process's.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct ExhaustionTests {
    @Test(arguments: KernelLevel.granted)
    func anAcceptWithoutDescriptorsFailsAndTheConnectionsWait(level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [number = level.rawValue as Int] in
            let level = try #require(KernelLevel(rawValue: number))
            try await OpenDescriptors.settleRuntime()
            try ExhaustionTests.acceptOneShotWithoutDescriptors(on: level)
            if level > .linux5_11 { try ExhaustionTests.acceptMultishotWithFewDescriptors(on: level) }
        }
    }

    @Test func aRingAndAnEventWithoutDescriptorsSayWhatToDo() async {
        await #expect(processExitsWith: .success) {
            try await OpenDescriptors.settleRuntime()
            let (ringError, eventError) = try OpenDescriptors.withoutRoom {
                (
                    Result { () throws(RingError) in _ = try Ring() }.failure,
                    Result { () throws(RingError) in _ = try EventDescriptor() }.failure
                )
            }
            #expect(ringError?.operation == "io_uring_setup")
            #expect(ringError?.errno == EMFILE)
            #expect(ringError?.advice.contains("ulimit -n") == true)
            #expect(eventError?.operation == "eventfd")
            #expect(eventError?.errno == EMFILE)
            #expect(eventError?.advice.contains("ulimit -n") == true)
        }
    }

    private static func acceptOneShotWithoutDescriptors(on level: KernelLevel) throws {
        let listener = try LoopbackListener()
        var ring = try DrivenRing(level)
        let crowd = try LoopbackCrowd(1, port: listener.port)
        // The limit counts when the accept is prepared by the kernel: at its submission.
        let refused = try OpenDescriptors.withoutRoom {
            try ring.prepare(.accept(listener: listener.descriptor, .oneShot), token: .numbered(1))
            return try ring.take(1)
        }
        #expect(refused == [Completion(token: .numbered(1), result: -EMFILE)])
        var accepted = Descriptors()
        accepted.adopt([try ring.result(of: .accept(listener: listener.descriptor, .oneShot))])
        let reached = try accepted.peerPorts()
        let clients = crowd.ports
        #expect(reached == clients)
    }

    private static func acceptMultishotWithFewDescriptors(on level: KernelLevel) throws {
        let listener = try LoopbackListener()
        var ring = try DrivenRing(level)
        let crowd = try LoopbackCrowd(20, port: listener.port)
        var accepted = Descriptors()
        let completions = try OpenDescriptors.withLittleRoom(3) {
            try ring.prepare(.accept(listener: listener.descriptor, .multishot), token: .numbered(1))
            var completions = try ring.takeSome()
            while completions.last?.isLast != true { completions += try ring.takeSome() }
            return completions
        }
        accepted.adopt(completions.descriptors)
        let count = accepted.all.count
        #expect(count > 0 && count < 20)
        #expect(completions.count == count + 1)
        #expect(completions.dropLast().filter(\.isLast) == [])
        #expect(completions.last == Completion(token: .numbered(1), result: -EMFILE))
        // Those who had to wait come with the next accept, all of them.
        try ring.prepare(.accept(listener: listener.descriptor, .multishot), token: .numbered(2))
        accepted.adopt(try ring.take(20 - count).descriptors)
        let reached = try accepted.peerPorts()
        let clients = crowd.ports
        #expect(reached == clients)
    }
}

extension Result {
    fileprivate var failure: Failure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }
}
