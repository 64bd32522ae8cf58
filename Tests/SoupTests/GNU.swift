// The few calls of the C library that Swift's Glibc module leaves out, found by name.

@preconcurrency import Glibc

enum GNU {
    static func createMemoryFile() throws -> Int32 {
        typealias Function = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        let file = try find("memfd_create", Function.self)("soup", 1)  // MFD_CLOEXEC
        guard file >= 0 else { throw Failure(call: "memfd_create") }
        return file
    }

    static func addCloseFrom(_ first: Int32, to actions: inout posix_spawn_file_actions_t) throws {
        typealias Function = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
        _ = try find("posix_spawn_file_actions_addclosefrom_np", Function.self)(&actions, first)
    }

    fileprivate static func find<Function>(_ name: String, _: Function.Type) throws -> Function {
        guard let address = dlsym(nil, name) else { throw Failure("the C library has no \(name)") }
        return unsafeBitCast(address, to: Function.self)
    }
}

/// An epoll instance.
struct EventQueue: ~Copyable {
    private typealias Control = @convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer) -> Int32
    private typealias Wait = @convention(c) (Int32, UnsafeMutableRawPointer, Int32, Int32) -> Int32

    private let descriptor: Int32
    private let capacity: Int
    private let control: Control
    private let wait: Wait

    // `struct epoll_event`, 32 bits of events and 64 of data, is packed on x86-64 alone.
    #if arch(x86_64)
    private static let dataOffset = 4
    #else
    private static let dataOffset = 8
    #endif
    private static let eventSize = dataOffset + 8

    init(capacity: Int = 256) throws {
        typealias Create = @convention(c) (Int32) -> Int32
        let control = try GNU.find("epoll_ctl", Control.self)
        let wait = try GNU.find("epoll_wait", Wait.self)
        let descriptor = try GNU.find("epoll_create1", Create.self)(O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(call: "epoll_create1") }
        (self.control, self.wait, self.descriptor) = (control, wait, descriptor)
        self.capacity = capacity
    }

    deinit { close(descriptor) }

    /// Watches a socket for something to read.
    func add(_ socket: Int32, _ index: Int, edgeTriggered: Bool) throws {
        var event = [UInt8](repeating: 0, count: EventQueue.eventSize)
        event.withUnsafeMutableBytes {
            $0.storeBytes(of: 1 | (edgeTriggered ? 1 << 31 : 0), as: UInt32.self)  // EPOLLIN, EPOLLET
            $0.storeBytes(of: UInt64(index), toByteOffset: EventQueue.dataOffset, as: UInt64.self)
        }
        guard control(descriptor, 1, socket, &event) == 0 else { throw Failure(call: "epoll_ctl") }
    }

    func remove(_ socket: Int32) {
        var event = [UInt8](repeating: 0, count: EventQueue.eventSize)
        _ = control(descriptor, 2, socket, &event)
    }

    /// The indices of sockets that have something to read, in the order in which they got it.
    func ready(withinMilliseconds limit: Int32) -> [Int] {
        var events = [UInt8](repeating: 0, count: EventQueue.eventSize * capacity)
        let count = Int(max(wait(descriptor, &events, Int32(capacity), limit), 0))
        return events.withUnsafeBytes { bytes in
            (0..<count).map {
                let offset = $0 * EventQueue.eventSize + EventQueue.dataOffset
                return Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
    }
}
