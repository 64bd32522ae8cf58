// The proof of a ring: it leaves an unused ring, and finds the filter that an operation would meet later.

import CLiburing
import Glibc
import Testing

@testable import NBUring

struct RingProofTests {
    @Test func aProvedRingIsEmpty() throws {
        let ring = try BareRing(flags: 0)
        try ring.pointer.prove()
        #expect(io_uring_sq_ready(ring.pointer) == 0)
        #expect(io_uring_cq_ready(ring.pointer) == 0)
    }

    /// The kernel refuses each operation of a ring that allows none but `nop`.
    @Test func aFilterOfOperationsIsNamed() throws {
        let ring = try BareRing(flags: IORING_SETUP_R_DISABLED)
        try ring.allowOnlyNop()
        let error = #expect(throws: RingError.self) { try ring.pointer.prove() }
        #expect(error?.operation == "io_uring operation cancel")
        #expect(error?.errno == EACCES)
        #expect(error?.advice.contains("a filter of io_uring operations forbids it") == true)
        #expect(error?.advice.contains("async_cancel") == true)
    }

    /// A ring that is not enabled stands for one whose enter the kernel refuses.
    @Test func aRefusedEnterIsNamed() throws {
        let ring = try BareRing(flags: IORING_SETUP_R_DISABLED)
        let error = #expect(throws: RingError.self) { try ring.pointer.prove() }
        #expect(error?.operation == "io_uring_enter")
        #expect(error?.errno == EBADFD)
    }
}

/// A ring as liburing makes it.
private final class BareRing {
    let pointer = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)

    init(flags: UInt32) throws {
        pointer.initialize(to: io_uring())
        let result = io_uring_queue_init(4, pointer, flags)
        try #require(result == 0, "\(errorText(-result))")
    }

    deinit {
        io_uring_queue_exit(pointer)
        pointer.deallocate()
    }

    /// liburing 2.3 declares the functions for both steps and does not export them.
    func allowOnlyNop() throws {
        var restriction = io_uring_restriction()
        restriction.opcode = UInt16(IORING_RESTRICTION_SQE_OP)
        restriction.sqe_op = UInt8(IORING_OP_NOP.rawValue)
        let descriptor = UInt32(pointer.pointee.ring_fd)
        let restricted = io_uring_register(descriptor, UInt32(IORING_REGISTER_RESTRICTIONS), &restriction, 1)
        try #require(restricted == 0, "\(errorText(-restricted))")
        let enabled = io_uring_register(descriptor, UInt32(IORING_REGISTER_ENABLE_RINGS), nil, 0)
        try #require(enabled == 0, "\(errorText(-enabled))")
    }
}
