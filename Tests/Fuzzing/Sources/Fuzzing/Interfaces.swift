// No import of Glibc here, which declares these functions; the linker prefers ours.

/// The network interfaces of the machine as the fuzzers know it: always the same ones, with every character the kernel
/// allows, and without a system call for each look.
package enum Interfaces {
    /// The first is number 1.
    package static let names: [StaticString] = ["lo", "eth0", "]", "%", "a]%b", "7", "b]a[", "é", "abcdefghijklmno"]
}

@_cdecl("if_nametoindex")
func indexOfInterface(_ name: UnsafePointer<CChar>) -> UInt32 {
    let index = Interfaces.names.firstIndex { known in
        // Both end with a zero.
        (0...known.utf8CodeUnitCount).allSatisfy { UInt8(bitPattern: name[$0]) == known.utf8Start[$0] }
    }
    return index.map { UInt32($0) + 1 } ?? 0
}

@_cdecl("if_indextoname")
func nameOfInterface(_ index: UInt32, _ name: UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<CChar>? {
    guard (1...UInt32(Interfaces.names.count)).contains(index) else { return nil }
    let known = Interfaces.names[Int(index) - 1]
    for place in 0...known.utf8CodeUnitCount { name[place] = CChar(bitPattern: known.utf8Start[place]) }
    return name
}
