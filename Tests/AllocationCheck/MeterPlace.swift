/// Where a server and its workers find their one meter. Server's thread only; never freed, as there are few.
///
/// A pointer, because a reference would be retained with every worker.
struct MeterPlace: @unchecked Sendable {
    private let pointer: UnsafeMutablePointer<Meter>

    init(_ meter: Meter) {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: meter)
    }

    var meter: Meter {
        unsafeAddress { UnsafePointer(pointer) }
        nonmutating unsafeMutableAddress { pointer }
    }
}
