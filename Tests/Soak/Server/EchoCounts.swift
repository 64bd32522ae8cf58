/// What became of the connections that were released to the echo.
struct EchoCounts {
    let echoed: Int
    let abandoned: Int

    static func - (later: EchoCounts, earlier: EchoCounts) -> EchoCounts {
        EchoCounts(echoed: later.echoed - earlier.echoed, abandoned: later.abandoned - earlier.abandoned)
    }
}
