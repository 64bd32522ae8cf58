import Glibc
import Testing

import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

@testable import NBServer

/// Addresses of sockets, of both kinds, as text and as the kernel has them. What is wrong with a text is in `EndpointTests`.
@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7777", "127.0.0.1:7777"), ("[::1]:80", "[::1]:80"), ("[fe80::1%1]:0", "[fe80::1%lo]:0"),
        ("[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"),
        ("unix:/run/soup.sock", "unix:/run/soup.sock"), ("/run/soup.sock", "unix:/run/soup.sock"),
        ("./soup", "unix:./soup"), ("../soup", "unix:../soup"), ("@soup", "unix:@soup"), ("unix:@soup", "unix:@soup"),
        ("unix:soup", "unix:soup"), ("unix:127.0.0.1:80", "unix:127.0.0.1:80"), ("unix:", "unix:"),
        ("unix:my soup", "unix:my soup"), ("@a\0b", "unix:@a\0b"), ("unix:\u{301}", "unix:\u{301}"),
        ("/\u{301}", "unix:/\u{301}"),
    ])
    func anAddressIsToldInOneSpelling(text: String, spelling: String) throws {
        let address = try SocketAddress(text)
        #expect(address.description.utf8.elementsEqual(spelling.utf8))
        #expect(try SocketAddress(spelling) == address)
    }

    @Test func anAddressKnowsItsParts() throws {
        let internet = try SocketAddress("[::1]:80")
        #expect(internet == .ip(try IPAddress("::1"), port: 80))
        #expect(try internet.ip == IPAddress("::1"))
        #expect(internet.port == 80)
        let unix = try SocketAddress("/run/soup")
        #expect(unix == .unix("/run/soup"))
        #expect(unix.ip == nil)
        #expect(unix.port == 0)
    }

    @Test(arguments: [
        ("", "it is empty"), ("unix:/run/\0", "there is a zero byte in it"), ("/run/\0", "there is a zero byte in it"),
        ("localhost:80", "it is not an IP address"), ("soup.sock", "there is no port"),
        ("run/soup.sock", "the slash and what follows"), ("Unix:/run/soup", "the slash and what follows"),
        ("http://127.0.0.1:80", "it is a URL"),
    ])
    func whatIsNoAddressIsAnError(text: String, cure: String) {
        let error = #expect(throws: ServerError.self) { try SocketAddress(text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.address == text)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test func anIPv4AddressInsideIPv6IsToldAsIPv4() throws {
        #expect(try SocketAddress("[::ffff:127.0.0.1]:80").unmapped == SocketAddress("127.0.0.1:80"))
        for text in ["[::1]:80", "127.0.0.1:80", "unix:/run/soup", "unix:::ffff:127.0.0.1"] {
            #expect(try SocketAddress(text).unmapped == SocketAddress(text))
        }
    }

    /// Two texts that look the same may name two files.
    @Test func pathsAreEqualIfTheirBytesAre() {
        let (one, two) = ("/caf\u{e9}", "/cafe\u{301}")
        #expect(one == two)
        #expect(SocketAddress.unix(one) != .unix(two))
        #expect(Set([SocketAddress.unix(one), .unix(two), .unix(one)]).count == 2)
        #expect(SocketAddress.unix(two) < .unix(one) && !(SocketAddress.unix(one) < .unix(two)))
    }

    @Test func addressesAreInOrder() throws {
        let texts = [
            "0.0.0.0:1", "127.0.0.1:9", "127.0.0.1:10", "[::]:0", "[::1]:0", "[::1]:1", "unix:", "unix:/a", "unix:/b",
            "unix:@",
        ]
        let addresses = try texts.map { try SocketAddress($0) }
        for (index, lower) in addresses.enumerated() {
            for higher in addresses[(index + 1)...] { #expect(lower < higher && !(higher < lower)) }
            #expect(!(lower < lower))
        }
    }

    @Test func anAddressIsCodedAsItsText() throws {
        let addresses = try ["127.0.0.1:80", "[::1]:80", "@soup"].map { try SocketAddress($0) }
        let written = try JSONEncoder().encode(addresses)
        #expect(String(decoding: written, as: UTF8.self) == #"["127.0.0.1:80","[::1]:80","unix:@soup"]"#)
        #expect(try JSONDecoder().decode([SocketAddress].self, from: written) == addresses)
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([SocketAddress].self, from: JSONEncoder().encode(["127.0.0.1"]))
        }
        #expect("\(error as Any)".contains("127.0.0.1: parse: there is no port"))
    }

    @Test func anEndpointIsMadeOfAnAddress() throws {
        let address = try SocketAddress("[::1]:80")
        #expect(Endpoint(address) == "[::1]:80")
        #expect(try Endpoint(address).resolved() == address)
        #expect(try Endpoint(.unix("/run/soup")).resolved() == .unix("/run/soup"))
    }

    @Test func anyAddressReadsBackFromItsTextAndFromTheKernelsForm() throws {
        var generator = AddressGenerator(seed: 18)
        for _ in 0..<5000 {
            let address = generator.socketAddress()
            #expect(try SocketAddress(address.description) == address)
            let again = address.withSockaddr { name, length in
                SocketAddress.reading { storage, storageLength in
                    memcpy(storage, name, Int(length))
                    storageLength.pointee = length
                    return 0
                }
            }
            #expect(again == address)
        }
    }

    /// Names as the kernel writes them, without the family.
    @Test(arguments: [
        ([], ""), ([0], "@"), ([0, 0x61, 0, 0], "@a\0\0"), (Array("/run/soup\0".utf8), "/run/soup"),
        (Array("/run/soup".utf8), "/run/soup"), (Array("@soup\0".utf8), "./@soup"), ([0x2f, 0xff, 0], "/\u{fffd}"),
        ([UInt8](repeating: 0x61, count: 108), String(repeating: "a", count: 108)),
    ])
    func aUnixSocketsNameIsRead(name: [UInt8], path: String) {
        let address = SocketAddress.reading { storage, length in
            storage.pointee.sa_family = sa_family_t(AF_UNIX)
            memcpy(UnsafeMutableRawPointer(storage) + 2, name, name.count)
            length.pointee = socklen_t(2 + name.count)
            return 0
        }
        #expect(address == .unix(path))
    }

    @Test func anotherFamilyIsNoAddress() {
        for family in [AF_UNSPEC, AF_NETLINK, AF_PACKET, 0xffff] {
            let address = SocketAddress.reading { storage, _ in
                storage.pointee.sa_family = sa_family_t(family)
                return 0
            }
            #expect(address == nil)
        }
    }

    /// The kernel takes what it is lent and says the same.
    @Test(arguments: ["/tmp/nb-server-\(getpid()).socket", "@nb-server-\(getpid())", "@nb-server-\(getpid())\0é"])
    func aUnixSocketIsBoundWhereItSays(path: String) throws {
        let address = SocketAddress.unix(path)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer {
            close(listener)
            unlink(path)
        }
        try #require(address.withSockaddr { bind(listener, $0, $1) } == 0, "\(errno)")
        try #require(listen(listener, 1) == 0)
        let client = try Client(address)
        #expect(SocketAddress.reading { getpeername(client.descriptor, $0, $1) } == address)
        #expect(client.localAddress == .unix(""))
    }

    @Test func aPathTooLongForTheKernelIsRefusedByIt() {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        let address = SocketAddress.unix("/tmp/" + String(repeating: "a", count: 1000))
        #expect(address.withSockaddr { bind(descriptor, $0, $1) } == -1)
        #expect(errno == EINVAL)
    }
}
