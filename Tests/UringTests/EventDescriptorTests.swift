// Event descriptors: signals add up, any thread may send them, and a read of them can be cancelled.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct EventDescriptorTests {
    @Test(arguments: KernelLevel.granted)
    func aReadCompletesWhenAnotherThreadSignals(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        #expect(try ring.settle() == [])
        let descriptor = event.descriptor
        let thread = try HelperThread { EventDescriptor.signal(descriptor) }
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8)])
        thread.join()
        #expect(counter.number == 1)
    }

    @Test(arguments: KernelLevel.granted)
    func signalsAddUpUntilTheyAreRead(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        let read = Operation.read(descriptor: event.descriptor, into: counter.target, count: 8)
        for _ in 0..<3 { event.signal() }
        #expect(try ring.result(of: read) == 8)
        #expect(counter.number == 3)
        event.signal()
        #expect(try ring.result(of: read) == 8)
        #expect(counter.number == 1)
    }

    @Test(arguments: KernelLevel.granted)
    func aCancelledReadEndsAndTakesNoSignal(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        let read = Operation.read(descriptor: event.descriptor, into: counter.target, count: 8)
        try ring.prepare(read, token: .numbered(1))
        try ring.submit()
        try ring.prepare(.cancel(.numbered(1), descriptor: event.descriptor), token: .numbered(2))
        let completions = try ring.take(2)
        #expect(completions.only(.numbered(1))?.result == -ECANCELED)
        #expect(completions.only(.numbered(1))?.isLast == true)
        #expect(completions.only(.numbered(2))?.result == 0)
        event.signal()
        #expect(try ring.settle() == [])
        #expect(counter.number == 0)
        #expect(try ring.result(of: read) == 8)
        #expect(counter.number == 1)
    }

    @Test(arguments: KernelLevel.granted)
    func aCancelTakesOnlyTheOperationWithItsToken(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        let read = Operation.read(descriptor: event.descriptor, into: counter.target, count: 8)
        let token = Token(kind: 1, generation: 5, slot: 1)
        try ring.prepare(read, token: token)
        try ring.submit()
        // The same slot, another life; the same life, another kind.
        let strangers = [Token(kind: 1, generation: 6, slot: 1), Token(kind: 2, generation: 5, slot: 1)]
        for stranger in strangers {
            #expect(try ring.result(of: .cancel(stranger, descriptor: event.descriptor)) == -ENOENT)
        }
        event.signal()
        #expect(try ring.take(1) == [Completion(token: token, result: 8)])
    }

    @Test func aSignalLeavesErrnoAlone() throws {
        let event = try EventDescriptor()
        errno = EDOM
        event.signal()
        // Nothing has this number, so the write fails.
        EventDescriptor.signal(.max)
        #expect(errno == EDOM)
    }

    @Test func anEventDescriptorIsNotInherited() throws {
        let event = try EventDescriptor()
        #expect(fcntl(event.descriptor, F_GETFD) == FD_CLOEXEC)
    }

    @Test func aDroppedEventDescriptorIsClosed() throws {
        var duplicates = Descriptors()
        do {
            let event = try EventDescriptor()
            // Keeps the counter, and with it the counter's identity, for the time after.
            duplicates.adopt([try check("dup", fcntl(event.descriptor, F_DUPFD_CLOEXEC, 0))])
            let duplicate = duplicates.all[0]
            #expect(OpenDescriptors.count(ofEventBehind: duplicate) == 2)
        }
        let duplicate = duplicates.all[0]
        #expect(OpenDescriptors.count(ofEventBehind: duplicate) == 1)
    }
}
