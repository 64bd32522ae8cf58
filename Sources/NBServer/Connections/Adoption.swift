/// A connection that was accepted elsewhere, on its way into a loop: its descriptor, which is the loop's to close, and what was
/// received on it and nobody has seen.
///
/// Owned by the loop's state until it is delivered; loop's thread only.
struct Adoption {
    let descriptor: Int32
    let unread: [UInt8]
}
