import Glibc
import NBEngine
import Synchronization

/// A world of the kernel's sockets, on 127.0.0.1. Closes what it has made or adopted when it is dropped.
final class KernelWorld: ConformanceWorld {
    private var descriptors: [Int32] = []
    /// The connections of clients, by both ports: the kernel may use a port again for another listener.
    private var connections: Set<[UInt16]> = []

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    var complaints: [String] { [] }

    func makeListener() throws -> Int32 {
        let listener = try socket()
        descriptors.append(listener)
        try listen(on: listener)
        return listener
    }

    private func listen(on listener: Int32) throws {
        var address = sockaddr_in.loopback(port: 0)
        try address.withPointer { try succeed("bind", bind(listener, $0, $1)) }
        try succeed("listen", Glibc.listen(listener, 128))
    }

    func connect(_ count: Int, to listener: Int32) throws {
        for _ in 0..<count {
            let client = try socket()
            descriptors.append(client)
            try connect(client, to: listener)
            connections.insert([try sockaddr_in.local(client).port, try sockaddr_in.peer(client).port])
        }
    }

    private func connect(_ client: Int32, to listener: Int32) throws {
        var address = try sockaddr_in.local(listener)
        try address.withPointer { try succeed("connect", Glibc.connect(client, $0, $1)) }
    }

    func shutDown(_ listener: Int32) {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    func adopt(_ accepted: [Int32]) throws -> Bool {
        descriptors += accepted
        let reached = Set(try accepted.map { [try sockaddr_in.peer($0).port, try sockaddr_in.local($0).port] })
        return reached.count == accepted.count && reached.isSubset(of: connections)
    }

    func makeConnection() throws -> any ConformanceClient {
        let listener = try socket()
        defer { close(listener) }
        try setOption(listener, SO_SNDBUF, 1 << 16)
        try listen(on: listener)
        let client = try socket()
        try setOption(client, SO_RCVBUF, 1 << 16)
        try connect(client, to: listener)
        return KernelClient(client, try succeed("accept", accept(listener, nil, nil)))
    }

    func makeLocalConnection() throws -> any ConformanceClient {
        var ends: [Int32] = [-1, -1]
        try succeed("socketpair", socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends))
        return KernelClient(ends[0], ends[1])
    }

    func isReadable(_ descriptor: Int32, patiently: Bool) -> Bool {
        poll(descriptor, Int32(POLLIN), limit: patiently ? Patience.milliseconds : 0)
    }

    func duringWait(_ act: @escaping @Sendable () -> Void, _ body: () throws -> Void) throws -> Bool {
        let watch = Watch()
        let watcher = HelperThread {
            while !watch.isOver.load(ordering: .acquiring) {
                if watch.isThreadAsleep {
                    watch.hasActed.store(true, ordering: .releasing)
                    return act()
                }
                sched_yield()
            }
        }
        let result = Result { try body() }
        watch.isOver.store(true, ordering: .releasing)
        watcher.join()
        try result.get()
        return watch.hasActed.load(ordering: .acquiring)
    }

    func setExhausted(_ isExhausted: Bool) {
        if isExhausted { DescriptorLimit.lower() } else { DescriptorLimit.raise() }
    }

    func makeMemoryShort(after count: Int) {
        preconditionFailure("nothing makes a kernel short of memory: see TestedEngine.Exception")
    }

    func raisesPipeSignal(_ body: () throws -> Void) throws -> Bool {
        var pipe = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
        var noTime = timespec()
        return sigtimedwait(&pipe, nil, &noTime) == SIGPIPE
    }
}

/// The thread that made this, as another thread sees it.
private final class Watch: Sendable {
    let isOver = Atomic(false)
    let hasActed = Atomic(false)
    private let path: String

    /// The thread waits for another one that holds a lock: `futex(2)`.
    #if arch(x86_64)
    private static let lockCall = "202 "
    #else
    private static let lockCall = "98 "
    #endif

    init() {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes {
            readlink("/proc/thread-self", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        path = "/proc/\(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))"
    }

    /// Whether it sleeps in a system call, which is not the wait for a lock: in the same one before and after the look at its state.
    var isThreadAsleep: Bool {
        let call = read("syscall")
        guard call.first?.isNumber == true, !call.hasPrefix(Self.lockCall) else { return false }
        let state = read("stat").split(separator: ")").last ?? ""
        return state.hasPrefix(" S") && read("syscall") == call
    }

    private func read(_ name: String) -> String {
        let file = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = Glibc.read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

// Plain calls, which throw where they fail.
struct CallFailed: Error {
    let call: String
    let errno: Int32
}

@discardableResult
func succeed(_ call: String, _ result: Int32) throws -> Int32 {
    guard result >= 0 else { throw CallFailed(call: call, errno: errno) }
    return result
}

private func socket() throws -> Int32 {
    try succeed("socket", Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
}

private func setOption(_ descriptor: Int32, _ option: Int32, _ value: Int32) throws {
    var value = value
    let size = socklen_t(MemoryLayout<Int32>.size)
    try succeed("setsockopt", setsockopt(descriptor, SOL_SOCKET, option, &value, size))
}

/// Whether one of these events comes within so many milliseconds.
func poll(_ descriptor: Int32, _ events: Int32, limit: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    var result = Glibc.poll(&entry, 1, limit)
    // Other tests of this process send signals.
    while result < 0 && errno == EINTR { result = Glibc.poll(&entry, 1, limit) }
    return result == 1
}

extension sockaddr_in {
    fileprivate static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    fileprivate static func local(_ descriptor: Int32) throws -> sockaddr_in {
        try read("getsockname") { getsockname(descriptor, $0, $1) }
    }

    fileprivate static func peer(_ descriptor: Int32) throws -> sockaddr_in {
        try read("getpeername") { getpeername(descriptor, $0, $1) }
    }

    private static func read(
        _ name: String,
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws -> sockaddr_in {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try succeed(name, call($0, &size)) }
        }
        return address
    }

    fileprivate var port: UInt16 { UInt16(bigEndian: sin_port) }

    fileprivate mutating func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) rethrows {
        try withUnsafePointer(to: &self) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
