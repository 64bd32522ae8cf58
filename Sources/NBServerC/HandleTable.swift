internal import CNBServer
internal import NBServer

/// The servers that C programs have, by their handles.
///
/// A handle is a number that is given once, so one that was freed, or never was given, is known for what it is: nothing is read through
/// it. Any thread.
enum HandleTable {
    private struct Entries {
        var servers: [UInt: HostedServer] = [:]
        var last = HandleTable.base
    }

    private static let entries = Lock(Entries())

    /// No address on any 64-bit Linux, so a program that reads through a handle crashes at once.
    private static let base = UInt(truncatingIfNeeded: 0x6e62_0000_0000_0000 as UInt64)

    /// Gives a server its handle.
    static func add(_ server: HostedServer) -> OpaquePointer? {
        entries.withLock { entries in
            entries.last += 1
            entries.servers[entries.last] = server
            return OpaquePointer(bitPattern: entries.last)
        }
    }

    /// The server that a handle means, of whichever process.
    static func server(_ handle: OpaquePointer?) throws(Failure) -> HostedServer {
        guard let handle else {
            throw Failure(NB_INVALID_HANDLE, "the server is null: nb_server_make stores null when it fails")
        }
        guard let server = entries.withLock({ $0.servers[UInt(bitPattern: handle)] }) else {
            throw Failure(NB_INVALID_HANDLE, "no server has this handle: it was freed, or is not from nb_server_make")
        }
        return server
    }

    /// Makes a handle invalid for good. The caller has the server now.
    @discardableResult
    static func remove(_ handle: OpaquePointer) -> HostedServer? {
        entries.withLock { $0.servers.removeValue(forKey: UInt(bitPattern: handle)) }
    }
}
