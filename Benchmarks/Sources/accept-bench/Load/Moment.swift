import Glibc

/// Nanoseconds on the clock that nobody sets.
typealias Moment = UInt64

extension Moment {
    static func now() -> Moment {
        read(CLOCK_MONOTONIC)
    }

    /// The CPU time of the calling thread.
    static func ofThread() -> Moment {
        read(CLOCK_THREAD_CPUTIME_ID)
    }

    private static func read(_ clock: clockid_t) -> Moment {
        var time = timespec()
        clock_gettime(clock, &time)
        return Moment(time.tv_sec) * 1_000_000_000 + Moment(time.tv_nsec)
    }

    init(seconds: Double) {
        self.init(Swift.max(0, seconds) * 1e9)
    }

    var seconds: Double { Double(self) / 1e9 }
    var microseconds: Double { Double(self) / 1e3 }

    /// How long ago `earlier` was; 0 if it lies ahead.
    func since(_ earlier: Moment) -> Moment {
        self > earlier ? self - earlier : 0
    }
}
