/// What became of the time of some CPUs during a measurement, in percent of one CPU: with two of them, up to 200.
///
/// The kernel counts it in hundredths of a second: of half a second, every hundredth is 2 %.
struct CPUShare: Codable, Equatable, Sendable {
    /// Something ran.
    var busy = 0.0
    /// Something ran that was neither the server nor its clients, interrupts included.
    var others = 0.0
    /// The hypervisor gave it to other machines.
    var steal = 0.0
}
