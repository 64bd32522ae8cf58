// What a process has open and running, to be compared exactly.

@preconcurrency import Glibc

struct ProcessState: Equatable {
    /// Each descriptor, with what it refers to: a socket's link has its inode number.
    let descriptors: [Int: String]
    /// The numbers of the threads.
    let threads: Set<String>
    /// The signals that have a handler, as the kernel writes the set.
    let caught: String

    init(of pid: pid_t) throws {
        descriptors = try ProcFS.descriptors(of: pid)
        threads = try ProcFS.threads(of: pid)
        caught = try ProcFS.status("SigCgt", of: pid)
    }
}
