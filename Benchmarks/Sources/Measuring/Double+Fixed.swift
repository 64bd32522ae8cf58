internal import Glibc

extension Double {
    /// With `digits` digits behind the point; a dash for a number that is not finite.
    package func fixed(_ digits: Int) -> String {
        guard isFinite else { return "–" }
        // The greatest number has 309 digits in front of the point. Then come the point, the sign and the end.
        let text = [CChar](unsafeUninitializedCapacity: 312 + digits) { buffer, count in
            count = withVaList([self]) { Int(vsnprintf(buffer.baseAddress, buffer.count, "%.\(digits)f", $0)) }
        }
        return String(decoding: text.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
