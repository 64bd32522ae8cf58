/// What is decided about a connection that was accepted.
enum AdmissionDecision {
    /// It is delivered. The place of its source, or -1.
    case deliver(source: Int32)
    /// It waits at a limit. The place of its source, or -1.
    case wait(AdmissionReason, source: Int32)
    /// It is reset, or told a last word.
    case refuse(AdmissionReason)
}
