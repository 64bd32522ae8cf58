public import CNBServer

// The functions of nbserver.h, as a C program calls them; the header says what they promise. Each turns a Swift error into its code,
// and keeps its text for `nb_last_error`. Any thread.

/// `nb_version`'s text.
let libraryVersion: StaticString = "0.1.0"

/// Makes a server.
@c @implementation
public func nb_server_make(
    _ options: UnsafePointer<nb_options>?,
    _ server: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    server?.pointee = nil
    return result { () throws(Failure) in
        guard let server else { throw Failure(NB_INVALID_ARGUMENT, "nb_server_make: there is no place for the server") }
        server.pointee = HandleTable.add(try HostedServer(HostedServerOptions(options)))
        return 0
    }
}

/// Listens on an address.
@c @implementation
public func nb_server_add_listener(
    _ server: OpaquePointer?,
    _ address: UnsafePointer<CChar>?,
    _ bound: UnsafeMutablePointer<CChar>?,
    _ bound_size: Int
) -> Int32 {
    resultOf(server) { server throws(Failure) in
        guard let address else { throw Failure(NB_INVALID_ARGUMENT, "nb_server_add_listener: the address is null") }
        guard bound == nil || bound_size >= NB_ADDRESS_SIZE || bound_size < 0 else {
            let cure = "NB_ADDRESS_SIZE bytes are needed, \(NB_ADDRESS_SIZE)"
            throw Failure(NB_INVALID_SIZE, "nb_server_add_listener: bound_size is \(bound_size): \(cure)")
        }
        let listener = try server.addListener(on: String(cString: address))
        if let bound { write(listener.address, to: bound) }
        return Int32(listener.number)
    }
}

/// Begins to be turned, and returns the descriptor to watch.
@c @implementation
public func nb_server_descriptor(_ server: OpaquePointer?) -> Int32 {
    resultOf(server) { server throws(Failure) in try server.descriptor() }
}

/// Makes one turn.
@c @implementation
public func nb_server_turn(_ server: OpaquePointer?, _ budget: Int) -> Int32 {
    // A size_t that is no Int is more than there can be.
    resultOf(server) { server throws(Failure) in try server.turn(budget: budget < 0 ? .max : budget) }
}

/// Begins on a thread of the server's own.
@c @implementation
public func nb_server_start(_ server: OpaquePointer?) -> Int32 {
    resultOf(server) { server throws(Failure) in
        try server.start()
        return 0
    }
}

/// Waits for the end of a server that was started.
@c @implementation
public func nb_server_wait(_ server: OpaquePointer?, _ milliseconds: Int64) -> Int32 {
    resultOf(server) { server throws(Failure) in try server.wait(milliseconds: milliseconds) }
}

/// Asks for a stop.
@c @implementation
public func nb_server_stop(_ server: OpaquePointer?) -> Int32 {
    resultOf(server) { server throws(Failure) in
        server.stop()
        return 0
    }
}

/// Asks for a drain.
@c @implementation
public func nb_server_drain(_ server: OpaquePointer?, _ milliseconds: UInt32) -> Int32 {
    resultOf(server) { server throws(Failure) in
        server.drain(milliseconds: milliseconds)
        return 0
    }
}

/// Stores what was counted.
@c @implementation
public func nb_server_counters(_ server: OpaquePointer?, _ counters: UnsafeMutablePointer<nb_counters>?) -> Int32 {
    resultOf(server) { server throws(Failure) in
        // The first counter was there from the beginning.
        let least = 2 * MemoryLayout<Int>.size
        let structure = try SizedStructure(UnsafeMutableRawPointer(counters), "nb_counters", least: least)
        structure.write(server.counters)
        return 0
    }
}

/// Ends a server and its handle.
@c @implementation
public func nb_server_free(_ server: OpaquePointer?) -> Int32 {
    guard let handle = server else { return 0 }
    return result { () throws(Failure) in
        let server = try HandleTable.server(handle)
        if !server.isForked { try server.free() }
        guard let freed = HandleTable.remove(handle) else { return 0 }
        // Its end would shut the parent's sockets down, so its memory is left alone.
        if freed.isForked { _ = Unmanaged.passRetained(freed) }
        return 0
    }
}

/// The text of the calling thread's last error.
@c @implementation
public func nb_last_error() -> UnsafePointer<CChar>? { LastError.text }

/// The general meaning of an error.
@c @implementation
public func nb_strerror(_ error: Int32) -> UnsafePointer<CChar>? { Failure.meaning(of: error).cString }

/// The library's version.
@c @implementation
public func nb_version() -> UnsafePointer<CChar>? { libraryVersion.cString }

private func resultOf(_ handle: OpaquePointer?, _ body: (HostedServer) throws(Failure) -> Int32) -> Int32 {
    result { () throws(Failure) in
        let server = try HandleTable.server(handle)
        try server.expectOwnProcess()
        return try body(server)
    }
}

private func result(_ body: () throws(Failure) -> Int32) -> Int32 {
    do throws(Failure) {
        return try body()
    } catch {
        LastError.set(error.text)
        return error.code
    }
}

/// Writes an address, which is shorter than `NB_ADDRESS_SIZE`.
private func write(_ text: String, to bound: UnsafeMutablePointer<CChar>) {
    let bytes = text.utf8.prefix(Int(NB_ADDRESS_SIZE) - 1)
    for (index, byte) in bytes.enumerated() { bound[index] = CChar(bitPattern: byte) }
    bound[bytes.count] = 0
}
