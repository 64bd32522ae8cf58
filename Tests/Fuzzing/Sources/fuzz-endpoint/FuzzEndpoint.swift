internal import Fuzzing

@testable internal import NBServer

/// Addresses as a person might write them: any text.
///
/// What is taken for an address reads back as the same one, and is one byte for byte; what is not is an error in one line
/// that names it.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzEndpoint(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = Input(bytes, count).text()
    let written = WrittenAddress(text)
    do {
        let address = try Endpoint(text).resolved()
        precondition(address == written?.address, "\(text.debugDescription) was taken for \(address)")
        let again = try? Endpoint(address.description).resolved()
        precondition(again == address, "\(address) reads back as \(String(describing: again))")
    } catch {
        precondition(written == nil, "\(text.debugDescription) was refused: \(error)")
        precondition(error.code == .invalidAddress && error.address?.utf8.elementsEqual(text.utf8) == true)
        check(error.description, names: text)
    }
    return 0
}

private func check(_ line: String, names text: String) {
    for scalar in line.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            preconditionFailure("not one plain line: \(Array(line.utf8))")
        default:
            break
        }
    }
    let isPlain = text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
    precondition(isPlain ? line.utf8.starts(with: text.utf8) : line.hasPrefix("\"") || !text.isEmpty, line)
}
