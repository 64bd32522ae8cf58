// The C library of Linux: glibc or musl. The other files of the library import this module instead of either, so only
// this file knows which of the two it is. Interfaces to Linux that the modules of both leave out are here as well. A function that
// needs a qualified name is called through this module (`NBLibc.close`).

@_exported public import CLinux

#if canImport(Glibc)
@_exported public import Glibc
#elseif canImport(Musl)
@_exported public import Musl
#else
#error("nb-server runs on Linux only: its servers are made of io_uring, and need glibc or musl")
#endif

/// The type of a stream socket, for socket(2): an enumerator in glibc, a number in musl.
@inlinable
public var streamSocket: Int32 {
    #if canImport(Glibc)
    Int32(SOCK_STREAM.rawValue)
    #else
    SOCK_STREAM
    #endif
}

/// `SOCK_CLOEXEC`, for socket(2). The kernel defines it as `O_CLOEXEC`, which is a number in either library.
@inlinable
public var closeOnExec: Int32 { O_CLOEXEC }

/// The error number of a call that has just returned `result`; 0 if the call has not failed.
///
/// To be asked before anything else is called: `errno` is the last failed call's, and a later call may have changed it.
public func errorNumber(_ result: Int32) -> Int32 {
    result < 0 ? errno : 0
}

/// Whether a descriptor is readable, or is within so many milliseconds; -1 is for ever. A signal ends the wait early. poll(2).
public func isReadable(_ descriptor: Int32, within milliseconds: Int32 = 0) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, milliseconds) == 1
}

extension sigaction {
    /// A signal action that calls `handler`. The union that holds the handler has a name of its own in each library.
    public init(calling handler: @escaping @convention(c) (Int32) -> Void) {
        self.init()
        #if canImport(Glibc)
        __sigaction_handler.sa_handler = handler
        #else
        __sa_handler.sa_handler = handler
        #endif
    }
}

#if canImport(Glibc)
/// A place for the thread that pthread_create(3) makes: glibc's threads are numbers.
public var noThread: pthread_t { 0 }

/// The calling thread, pthread_self(3), as a number in either library.
public func currentThreadNumber() -> UInt { pthread_self() }
#else
/// A place for the thread that pthread_create(3) makes: musl's threads are pointers.
public var noThread: pthread_t? { nil }

/// The calling thread, pthread_self(3), as a number in either library.
public func currentThreadNumber() -> UInt { UInt(bitPattern: pthread_self()) }
#endif

#if canImport(Glibc)
/// `RLIMIT_NOFILE`, for getrlimit(2): an enumerator in glibc, a number in musl.
public var descriptorLimit: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }

/// `RLIMIT_MEMLOCK`, for getrlimit(2).
public var lockedMemoryLimit: __rlimit_resource_t { __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue) }
#else
/// `RLIMIT_NOFILE`, for getrlimit(2): an enumerator in glibc, a number in musl.
public var descriptorLimit: Int32 { RLIMIT_NOFILE }

/// `RLIMIT_MEMLOCK`, for getrlimit(2).
public var lockedMemoryLimit: Int32 { RLIMIT_MEMLOCK }
#endif
