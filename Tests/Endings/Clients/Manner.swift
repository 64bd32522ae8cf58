/// How a client behaves, and what it is to come to.
struct Manner {
    enum Reading {
        /// As soon as something is there.
        case atOnce
        /// When it has said all that it has to say.
        case afterSpeech
        /// When it is told to; see ``Client/read()``.
        case whenTold
        /// So many bytes at a time, with a pause after each.
        case slowly(Int, Duration)
        /// So many bytes, then it resets.
        case part(Int)
        /// Not before it is reset.
        case never
    }

    /// How many bytes it says, which nobody wants; it begins when it is told to, see ``Client/speak(atMost:)``.
    var speech = 0
    /// Ends its side after its speech.
    var endsItsSide = false
    var reading = Reading.atOnce
    /// Does nothing after the end of the stream, until it is reset.
    var stays = false

    /// `TCP_MAXSEG`; 0 leaves it to the kernel. So do the others.
    var segmentSize: Int32 = 0
    /// `SO_RCVBUF`, which the kernel doubles.
    var receiveBuffer: Int32 = 0
    /// `TCP_WINDOW_CLAMP`.
    var window: Int32 = 0

    /// What it comes to if nothing is lost.
    var outcome: Outcome {
        if stays { return .expired }
        return switch reading {
        case .atOnce, .afterSpeech, .whenTold, .slowly: .whole
        case .part: .left
        case .never: .expired
        }
    }
}
