internal import Fuzzing
internal import Glibc

@testable internal import NBServer

/// Addresses as the kernel writes them: any bytes, any number of them.
///
/// An address of another family is none. One of IP goes back to the kernel as it came. Each reads back from its
/// description, by the name of its interface or by the number of one that has none.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzSocketAddress(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var kernel = sockaddr_storage()
    let length = min(count, MemoryLayout<sockaddr_storage>.size)
    if let bytes { memcpy(&kernel, bytes, length) }

    let address = SocketAddress.reading { storage, storageLength in
        precondition(storageLength.pointee == MemoryLayout<sockaddr_storage>.size, "there is no room")
        memcpy(storage, &kernel, length)
        storageLength.pointee = socklen_t(length)
        return 0
    }
    guard let address else {
        precondition(![AF_INET, AF_INET6, AF_UNIX].contains(Int32(kernel.ss_family)))
        return 0
    }
    precondition(address.family == Int32(kernel.ss_family))
    // A path whose bytes are no text goes back as others.
    if address.ip != nil { address.withSockaddr { checkReturned($0, $1, kernel) } }
    checkDescription(address)
    return 0
}

private func checkReturned(_ returned: UnsafePointer<sockaddr>, _ length: socklen_t, _ kernel: sockaddr_storage) {
    precondition(returned.pointee.sa_family == kernel.ss_family)
    withUnsafeBytes(of: kernel) { kernel in
        let returned = UnsafeRawBufferPointer(start: returned, count: Int(length))
        // What is not compared is padding, and the label of an IPv6 flow.
        let parts = Int32(returned.load(as: sa_family_t.self)) == AF_INET ? [0..<8] : [0..<4, 8..<28]
        precondition(returned.count == (parts.count == 1 ? 16 : 28))
        for part in parts { precondition(returned[part].elementsEqual(kernel[part]), "\(part)") }
    }
}

private func checkDescription(_ address: SocketAddress) {
    let again = try? Endpoint(address.description).resolved()
    precondition(again == address, "\(address) reads back as \(String(describing: again))")
    if let ip = address.ip, ip.zone > Interfaces.names.count {
        precondition(ip.description.hasSuffix("%\(ip.zone)"), ip.description)
    }
}
