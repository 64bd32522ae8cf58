internal import NBLibc

// The descriptors of the process, which a server prepares before it opens the first of its own. Any thread.

/// Where a program was started without one of its standard streams, the next descriptor would take its number, and what the
/// program prints would go to a client. So the numbers are taken, for good.
func occupyStandardStreams() {
    var descriptor: Int32 = 0
    repeat {
        descriptor = open("/dev/null", O_RDWR)
    } while (0...2).contains(descriptor)
    if descriptor >= 0 { close(descriptor) }
}

/// Has the kernel make the table of descriptors as large as their limit asks for, up to 65,536. Nothing happens if it is.
///
/// The kernel doubles a table that is full. Where threads share it, the kernel waits then until no other processor can be reading the old one
/// (`expand_fdtable` in fs/file.c, a grace period of RCU): 8 to 15 milliseconds, in which a loop that accepts stands still inside a call
/// that otherwise never blocks. A place takes eight bytes of kernel memory. The kernel never shrinks the table.
func makeRoomForDescriptors() {
    guard let limit = SystemFacts.limit({ getrlimit(descriptorLimit, &$0) })?.soft else { return }
    let last = fcntl(0, F_DUPFD_CLOEXEC, Int32(min(limit, 65_536)) - 1)
    if last >= 0 { close(last) }
}
