import Testing

@testable import NBServer

/// Memory that is filled, then sent; see ``SendBuffer``.
@Suite struct SendBufferTests {
    @Test func itHoldsWhatWasWrittenOfWhatFits() throws {
        var buffer = SendBuffer(capacity: 10)
        buffer.append(Array("abc".utf8).span)
        buffer.append { room in
            #expect(room.count == 7)
            room.copyBytes(from: "defg".utf8)
            return 4
        }
        #expect(buffer.count == 7)
        #expect(buffer.capacity == 10)
        #expect(contents(buffer) == "abcdefg")
    }

    @Test(arguments: [0, -1, Int.min])
    func aCapacityBelowZeroIsNone(capacity: Int) {
        var buffer = SendBuffer(capacity: capacity)
        #expect(buffer.capacity == 0)
        buffer.append([UInt8]().span)
        #expect(buffer.count == 0)
    }

    @Test func nothingIsAddedByWhoThrows() {
        struct Refusal: Error {}
        var buffer = SendBuffer(capacity: 4)
        buffer.append(Array("ab".utf8).span)
        #expect(throws: Refusal.self) {
            try buffer.append { room throws(Refusal) in
                room.copyBytes(from: "cd".utf8)
                throw Refusal()
            }
        }
        #expect(contents(buffer) == "ab")
    }

    @Test func whatDoesNotFitTraps() async {
        await #expect(processExitsWith: .failure) {
            var buffer = SendBuffer(capacity: 2)
            buffer.append([1, 2, 3].span)
        }
        await #expect(processExitsWith: .failure) {
            var buffer = SendBuffer(capacity: 2)
            buffer.append { _ in 3 }
        }
    }

    private func contents(_ buffer: consuming SendBuffer) -> String {
        let block = buffer.intoBlock()
        defer { UnsafeMutableRawPointer(block).deallocate() }
        let bytes = UnsafeRawBufferPointer(start: block.bytes + block.pointee.start, count: block.pointee.end)
        return String(decoding: bytes, as: UTF8.self)
    }
}
