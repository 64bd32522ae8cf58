import CNBServer
import Testing

@testable import NBServer

/// What the functions of nbserver.h make of arguments that cannot be: an error that says so, never a trap.
@Suite struct CArgumentTests {
    /// A result, and the text that the thread has with it.
    private static func expect(
        _ result: Int32,
        is code: Int,
        saying words: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(Int(result) == code, sourceLocation: sourceLocation)
        let text = String(cString: nb_last_error())
        #expect(words.isEmpty || text.contains(words), "\(text)", sourceLocation: sourceLocation)
    }

    private static var options: nb_options {
        var options = nb_options()
        options.size = MemoryLayout<nb_options>.size
        options.on_connections = { _, _, _ in }
        return options
    }

    private static func withServer(
        _ change: (inout nb_options) -> Void = { _ in },
        _ body: (OpaquePointer?) throws -> Void
    ) rethrows {
        var options = options
        change(&options)
        var server: OpaquePointer?
        expect(nb_server_make(&options, &server), is: 0)
        try body(server)
        expect(nb_server_free(server), is: 0)
    }

    enum Handle: CaseIterable {
        case null, freed, invented
    }

    @Test(arguments: Handle.allCases)
    func whatIsNoServerIsRefusedByEveryFunction(_ handle: Handle) {
        var server: OpaquePointer?
        switch handle {
        case .null: break
        case .invented: server = OpaquePointer(bitPattern: 0x1234)
        case .freed: Self.withServer { server = $0 }
        }
        var counters = nb_counters()
        counters.size = MemoryLayout<nb_counters>.size
        for result in [
            nb_server_add_listener(server, "127.0.0.1:0", nil, 0), nb_server_descriptor(server),
            nb_server_turn(server, 1),
            nb_server_start(server), nb_server_wait(server, -1), nb_server_stop(server), nb_server_drain(server, 1),
            nb_server_counters(server, &counters),
        ] {
            Self.expect(result, is: NB_INVALID_HANDLE, saying: handle == .null ? "is null" : "was freed")
        }
        Self.expect(nb_server_free(server), is: handle == .null ? 0 : NB_INVALID_HANDLE)
    }

    /// Handles are given once.
    @Test func aFreedHandleIsNotGivenAgain() {
        var handles: Set<OpaquePointer?> = []
        for _ in 0..<100 { Self.withServer { handles.insert($0) } }
        #expect(handles.count == 100)
    }

    @Test func nullArgumentsAreRefused() {
        var (options, server) = (Self.options, OpaquePointer(bitPattern: 1))
        Self.expect(nb_server_make(&options, nil), is: NB_INVALID_ARGUMENT, saying: "no place")
        Self.expect(nb_server_make(nil, &server), is: NB_INVALID_ARGUMENT, saying: "nb_options")
        #expect(server == nil)
        Self.withServer { server in
            Self.expect(nb_server_add_listener(server, nil, nil, 0), is: NB_INVALID_ARGUMENT, saying: "address is null")
            Self.expect(nb_server_counters(server, nil), is: NB_INVALID_ARGUMENT, saying: "nb_counters")
        }
    }

    @Test(arguments: [0, 8, 24, 31, 33, 36, 4104, -8, Int.max, Int.min])
    func aSizeThatCannotBeIsRefused(size: Int) {
        var (options, server) = (Self.options, OpaquePointer(bitPattern: 1))
        options.size = size
        Self.expect(nb_server_make(&options, &server), is: NB_INVALID_SIZE, saying: "nb_options.size is \(size)")
        #expect(server == nil)
    }

    /// What an older program does not know is not read.
    @Test(arguments: [32, 40, 48, 56])
    func theOptionsOfAnOlderHeaderAreTaken(size: Int) {
        withUnsafeTemporaryAllocation(byteCount: MemoryLayout<nb_options>.size, alignment: 8) { bytes in
            var options = Self.options
            options.size = size
            withUnsafeBytes(of: options) { bytes.copyMemory(from: $0) }
            // Something that would be out of any range.
            for index in size..<bytes.count { bytes[index] = 0xff }
            var server: OpaquePointer?
            let older = bytes.baseAddress?.assumingMemoryBound(to: nb_options.self)
            Self.expect(nb_server_make(older, &server), is: 0)
            Self.expect(nb_server_free(server), is: 0)
        }
    }

    @Test(arguments: [0, 1])
    func theOptionsOfANewerHeaderAreTakenWhereTheyAreZero(value: UInt8) {
        let size = MemoryLayout<nb_options>.size + 16
        withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { bytes in
            var options = Self.options
            options.size = size
            for index in bytes.indices { bytes[index] = 0 }
            withUnsafeBytes(of: options) { bytes.copyMemory(from: $0) }
            bytes[size - 1] = value
            var server: OpaquePointer?
            let newer = bytes.baseAddress?.assumingMemoryBound(to: nb_options.self)
            let result = nb_server_make(newer, &server)
            if value == 0 {
                Self.expect(result, is: 0)
            } else {
                Self.expect(result, is: NB_INVALID_OPTION, saying: "byte \(size - 1) that version 0.1.0 does not know")
            }
            Self.expect(nb_server_free(server), is: 0)
        }
    }

    struct Refused: Sendable {
        let words: String
        let change: @Sendable (inout nb_options) -> Void
    }

    @Test(arguments: [
        Refused(words: "nb_options.on_connections is null") { $0.on_connections = nil },
        Refused(words: "nb_options.engine: 3 is out of range") { $0.engine = 3 },
        Refused(words: "nb_options.exhaustion: 3 is out of range") { $0.exhaustion = 3 },
        Refused(words: "nb_options.quantum: 65537 is out of range; it must be from 0 to 65536") { $0.quantum = 65_537 },
        Refused(words: "nb_options.peer_addresses: 2 is out of range; it must be 0 or 1") { $0.peer_addresses = 2 },
        Refused(words: "nb_options.one_shot: 2 is out of range") { $0.one_shot = 2 },
        Refused(words: "nb_options.maximum_listeners: 2147483648 is out of range") { $0.maximum_listeners = 1 << 31 },
        Refused(words: "nb_options.backlog: 2147483648 is out of range") { $0.backlog = 1 << 31 },
        Refused(words: "nb_options.reuse_port: 2 is out of range") { $0.reuse_port = 2 },
    ])
    func anOptionThatIsOutOfItsRangeIsNamed(_ refused: Refused) {
        var (options, server) = (Self.options, OpaquePointer(bitPattern: 1))
        refused.change(&options)
        Self.expect(nb_server_make(&options, &server), is: NB_INVALID_OPTION, saying: refused.words)
        #expect(server == nil)
    }

    @Test func everyOptionTakesItsLargestValue() {
        Self.withServer { options in
            options.exhaustion = UInt32(NB_STOP)
            options.quantum = 65_536
            (options.peer_addresses, options.one_shot, options.reuse_port) = (1, 1, 1)
            options.maximum_listeners = 1 << 31 - 1
            options.backlog = 1 << 31 - 1
        } _: {
            Self.expect(nb_server_add_listener($0, "127.0.0.1:0", nil, 0), is: 0)
        }
    }

    /// The errors of addresses, and that a number is used up by success only.
    @Test func whatIsNoPlaceToListenIsRefused() {
        var bound = [CChar](repeating: 1, count: Int(NB_ADDRESS_SIZE))
        Self.withServer {
            $0.maximum_listeners = 2
        } _: { server in
            for text in ["", "localhost:80", "127.0.0.1", "127.0.0.1:65536", "[::1:80", "224.0.0.1:80"] {
                let result = nb_server_add_listener(server, text, &bound, bound.count)
                Self.expect(result, is: NB_INVALID_ADDRESS, saying: text)
            }
            for size in [0, 1, Int(NB_ADDRESS_SIZE) - 1] {
                let result = nb_server_add_listener(server, "127.0.0.1:0", &bound, size)
                Self.expect(result, is: NB_INVALID_SIZE, saying: "bound_size is \(size)")
            }
            #expect(bound[0] == 1)
            let elsewhere = nb_server_add_listener(server, "203.0.113.1:80", nil, 0)
            Self.expect(elsewhere, is: NB_ADDRESS_UNAVAILABLE, saying: "no interface of this machine")
            Self.expect(nb_server_add_listener(server, "127.0.0.1:0", &bound, bound.count), is: 0)
            let again = nb_server_add_listener(server, bound, nil, 0)
            Self.expect(again, is: NB_ADDRESS_IN_USE, saying: "127.0.0.1:")
            Self.expect(nb_server_add_listener(server, "127.0.0.1:0", nil, 0), is: 1)
            let tooMany = nb_server_add_listener(server, "127.0.0.1:0", nil, 0)
            Self.expect(tooMany, is: NB_TOO_MANY_LISTENERS, saying: "nb_options.maximum_listeners allows, 2")
        }
    }

    /// Two servers may share an address, and one may not have it twice.
    @Test func aSharedAddressIsListenedOnOncePerServer() {
        var bound = [CChar](repeating: 1, count: Int(NB_ADDRESS_SIZE))
        Self.withServer {
            $0.reuse_port = 1
        } _: { first in
            Self.expect(nb_server_add_listener(first, "127.0.0.1:0", &bound, bound.count), is: 0)
            Self.withServer {
                $0.reuse_port = 1
            } _: { second in
                Self.expect(nb_server_add_listener(second, bound, nil, 0), is: 0)
            }
            let again = nb_server_add_listener(first, bound, nil, 0)
            Self.expect(again, is: NB_ADDRESS_IN_USE, saying: "this server listens there already")
        }
    }

    /// A program with an older header has room for fewer counters; one with a newer header gets zeros.
    @Test(arguments: [8, 16, 24, MemoryLayout<nb_counters>.size, MemoryLayout<nb_counters>.size + 8, 4104])
    func countersFillWhatThereIsRoomFor(size: Int) {
        Self.withServer { server in
            withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 8) { bytes in
                for index in bytes.indices { bytes[index] = 0xff }
                bytes.storeBytes(of: size, as: Int.self)
                let counters = bytes.baseAddress?.assumingMemoryBound(to: nb_counters.self)
                let isPossible = (16...4096).contains(size)
                Self.expect(nb_server_counters(server, counters), is: isPossible ? 0 : NB_INVALID_SIZE)
                #expect(bytes.load(as: Int.self) == size)
                #expect(bytes[8..<(isPossible ? size : 8)].allSatisfy { $0 == 0 })
                #expect(bytes[max(isPossible ? size : 8, 8)...].allSatisfy { $0 == 0xff })
            }
        }
    }

    @Test func everyErrorHasAMeaning() {
        let meanings = (NB_SYSTEM...NB_INVALID_HANDLE).map { String(cString: nb_strerror(Int32($0))) }
        #expect(Set(meanings).count == 19)
        #expect(!meanings.contains("an error that this version does not know"))
        #expect(String(cString: nb_strerror(Int32(NB_SYSTEM - 1))) == "an error that this version does not know")
        #expect(String(cString: nb_strerror(Int32(NB_DONE))) == "no error")
        #expect(String(cString: nb_version()).hasPrefix("\(NB_VERSION_MAJOR).\(NB_VERSION_MINOR)."))
    }
}
