import Glibc
import NBEngine

/// The addresses of a generator's servers, in memory that the kernel may read at any time.
///
/// Owned by the generator.
struct TargetTable: ~Copyable {
    private let storage: UnsafeMutablePointer<sockaddr_storage>
    private let offsets: [Int]
    private let targets: [[TargetAddress]]

    init(_ targets: [[TargetAddress]]) {
        self.targets = targets
        storage = .allocate(capacity: max(1, targets.map(\.count).reduce(0, +)))
        var offset = 0
        var offsets: [Int] = []
        for list in targets {
            offsets.append(offset)
            for target in list {
                (storage + offset).initialize(to: sockaddr_storage())
                UnsafeMutableRawPointer(storage + offset).copyMemory(from: target.bytes, byteCount: target.bytes.count)
                offset += 1
            }
        }
        self.offsets = offsets
    }

    deinit {
        storage.deallocate()
    }

    /// The address that is the turn's, of those a stream has.
    func address(_ stream: Int, turn: Int) -> Operation.Bytes {
        let list = targets[stream]
        let index = turn % list.count
        return Operation.Bytes(storage + offsets[stream] + index, count: list[index].bytes.count)
    }

    func family(_ stream: Int) -> Int32 { targets[stream][0].family }
}
