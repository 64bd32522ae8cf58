/// What one call, or one cast, has cost.
struct Cost {
    /// Microseconds by the clock.
    let time: Double
    /// Microseconds on a CPU, of all threads.
    let cpuTime: Double
    /// How often the CPU has gone from one thread to another: because the first had to wait, or because the second was woken.
    let switches: Double
    /// `write(2)` calls.
    let writes: Double
}
