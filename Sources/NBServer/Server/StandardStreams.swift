internal import NBLibc

/// Where a program was started without one of its standard streams, the next descriptor would take its number, and what the
/// program prints would go to a client. So the numbers are taken, for good.
func occupyStandardStreams() {
    var descriptor: Int32 = 0
    repeat {
        descriptor = open("/dev/null", O_RDWR)
    } while (0...2).contains(descriptor)
    if descriptor >= 0 { close(descriptor) }
}
