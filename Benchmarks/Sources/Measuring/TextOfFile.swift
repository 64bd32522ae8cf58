internal import Glibc

/// Reads a file whose size is not known beforehand, as those in `/proc` are.
package func textOfFile(_ path: String) throws -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Failure(call: path) }
    defer { close(file) }

    var contents: [UInt8] = []
    while true {
        let chunk = try [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let result = read(file, buffer.baseAddress, buffer.count)
            guard result >= 0 else { throw Failure(call: path) }
            count = result
        }
        guard !chunk.isEmpty else { return String(decoding: contents, as: UTF8.self) }
        contents += chunk
    }
}
