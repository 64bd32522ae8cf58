import NBLibc
import NBUring
import Testing

@testable import NBServer

/// A loop's bell, and the descriptor that it rings by.
@Suite struct DoorbellTests {
    /// A group's signals are told to a shard that has ended, too. By then its descriptor may be a file or a client.
    @Test func aSignalDoesNotWriteToTheNextOwnerOfTheDescriptor() async {
        await #expect(processExitsWith: .success) {
            let control = LoopControl()
            try control.doorbell.open()
            let number = control.doorbell.descriptor
            control.doorbell.close()
            let next = try EventDescriptor(blocks: false)
            expect(next.descriptor, is: number, "the next owner's descriptor")
            control.arrived(.terminate)
            expect(!isReadable(next.descriptor, within: 0), "the next owner was written to")
            expect(control.stopRequest.reason != nil, "the signal was lost")
        }
    }
}
