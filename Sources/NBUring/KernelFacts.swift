internal import CLiburing
internal import NBLibc

/// What a kernel tells of its io_uring, and what follows from that: first the operations that it knows and the flags of a ring's
/// set-up, and only if it does not tell them its version. Vendors bring newer code to older kernels, and keep the version.
///
/// A value; tests make their own.
struct KernelFacts: Hashable, Sendable {
    /// An operation that is asked for, by its number in the kernel's interface. Not for its own sake: it came with the same version
    /// as something that cannot be asked for.
    enum KnownOperation: Int32, CaseIterable {
        /// `IORING_OP_MSG_RING`, Linux 5.18.
        case messageRing = 40
        /// `IORING_OP_SOCKET`, Linux 5.19.
        case socket = 45
        /// `IORING_OP_FIXED_FD_INSTALL`, Linux 6.8.
        case installDescriptor = 54

        fileprivate var version: (Int, Int) {
            switch self {
            case .messageRing: (5, 18)
            case .socket: (5, 19)
            case .installDescriptor: (6, 8)
            }
        }
    }

    /// `IORING_FEAT_*`, which every set-up tells.
    var features: UInt32
    /// Those of ``KnownOperation`` that the kernel knows; `nil` if it does not tell.
    var operations: Set<KnownOperation>?
    /// As `uname -r` has it: `6.1.0-18-amd64`.
    var release: String

    /// Whether a ring loses no completion and has timed waits: without, there is none.
    var hasWhatARingNeeds: Bool {
        has(IORING_FEAT_EXT_ARG) && has(IORING_FEAT_NODROP) && has(IORING_FEAT_FAST_POLL)
    }

    /// Before Linux 6.8 (some stable kernels have the fix, but nothing shows it), a multishot accept on a ring with deferred work
    /// that ends in a full completion queue may complete with a poll mask in place of a descriptor; liburing issue 1062.
    var defersWorkSoundly: Bool { knows(.installDescriptor) }

    /// Whether receives that wait hold no buffer.
    var receives: Bool { knows(.messageRing) }

    /// Whether an accept can be multishot, and whether buffers can be shared.
    var acceptsMultishot: Bool { knows(.socket) }

    var completesSilently: Bool { has(IORING_FEAT_CQE_SKIP) }

    var waitsOutsideIOWait: Bool { has(KernelFlag.waitsOutsideIOWait) }

    private func has(_ feature: UInt32) -> Bool { features & feature != 0 }

    private func knows(_ operation: KnownOperation) -> Bool {
        operations?.contains(operation) ?? (version >= operation.version)
    }

    /// The newest imaginable if the release does not tell.
    private var version: (Int, Int) {
        let parts = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return parts.count == 2 ? (parts[0], parts[1]) : (.max, 0)
    }
}

extension KernelFacts {
    /// Asks the kernel. `io_uring_register(2)`, `uname(2)`.
    init(of ring: UnsafeMutablePointer<io_uring>, features: UInt32) {
        self.features = features
        operations = Self.operations(of: ring)
        var name = utsname()
        release =
            uname(&name) == 0
            ? withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } : ""
    }

    private static func operations(of ring: UnsafeMutablePointer<io_uring>) -> Set<KnownOperation>? {
        guard let probe = io_uring_get_probe_ring(ring) else { return nil }
        defer { io_uring_free_probe(probe) }
        return Set(KnownOperation.allCases.filter { io_uring_opcode_supported(probe, $0.rawValue) != 0 })
    }
}
