/// The receive buffers of a simulated kernel: real memory, which is poisoned while it is not the server's.
///
/// Owned by the ``SimulatedKernel``.
///
/// ```
///  kernel's ── filled ──▶ the server's ── returned ──▶ on its way ── the return is carried out ──▶ kernel's
///                              ▲                            └── no memory for that ──┐
///                              └─────────────────────────────────────────────────────┘
/// ```
final class SimulatedBuffers {
    private enum Place {
        case kernel, server, onItsWay
    }

    let count: Int
    let size: Int
    private let memory: UnsafeMutableRawBufferPointer
    private var places: [Place]
    /// The kernel's, the one that is filled next in front.
    private var free: [UInt16]
    /// Returned in vain, and the server's until it returns them again.
    private var refused: Set<UInt16> = []
    /// There was no memory for them, once at least.
    var wereRefused = false
    /// The server has asked for them.
    var areOpen = false

    private static let poison: UInt8 = 0xdb

    init(count: Int, size: Int) {
        self.count = count
        self.size = size
        memory = .allocate(byteCount: count * size, alignment: 1)
        memory.initializeMemory(as: UInt8.self, repeating: Self.poison)
        places = Array(repeating: .kernel, count: count)
        free = (0..<UInt16(count)).map { $0 }
    }

    deinit {
        memory.deallocate()
    }

    var hasFree: Bool { !free.isEmpty }

    /// None is the server's, or on its way from there, but for those that were refused.
    var areAllBack: Bool { free.count + refused.count == count }

    var hasRefused: Bool { !refused.isEmpty }
    var areAllRefused: Bool { refused.count == count }

    /// Fills the next buffer, and gives it to the server; there must be one.
    func fill(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        let number = free.removeFirst()
        places[Int(number)] = .server
        let start = Int(number) * size
        for (place, byte) in bytes.enumerated() { memory[start + place] = byte }
        return number
    }

    /// The first bytes of a buffer, if it is the server's.
    func bytes(_ number: UInt16, count: Int) -> UnsafeRawBufferPointer? {
        guard Int(number) < self.count, places[Int(number)] == .server else { return nil }
        let start = Int(number) * size
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + count])
    }

    /// The server has done with a buffer; returns whether it was the server's.
    func give(_ number: UInt16) -> Bool {
        guard Int(number) < count, places[Int(number)] == .server else { return false }
        places[Int(number)] = .onItsWay
        refused.remove(number)
        for place in Int(number) * size..<(Int(number) + 1) * size { memory[place] = Self.poison }
        return true
    }

    /// The kernel had no memory to take a buffer back.
    func refuse(_ number: UInt16) {
        places[Int(number)] = .server
        refused.insert(number)
    }

    /// The kernel knows that it has a buffer again.
    func arrived(_ number: UInt16) {
        places[Int(number)] = .kernel
        free.append(number)
    }
}
