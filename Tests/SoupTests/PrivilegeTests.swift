// Soup as an ordinary user's process, with that user's limits.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Privileges {
        @Test func aPortWithoutPermissionIsNamed() throws {
            let copy = try TemporaryFile.copyOfSoup()
            var command = try Wrapper.withoutPrivileges()
            // Containers let everybody bind each port. Then it is strace that has the kernel's bind(2) deny it.
            let firstFreePort = try ProcFS.text("/proc/sys/net/ipv4/ip_unprivileged_port_start").filter(\.isNumber)
            if Int(firstFreePort) ?? 0 <= 1 { command += try Wrapper.failing("bind", with: "EACCES") }
            var soup = try Child(command + [copy.path, "127.0.0.1:1"])
            #expect(try soup.wait() == .exited(1))
            #expect(soup.output == "")
            let lines = soup.errors.split(separator: "\n")
            #expect(lines.count == 1, "\(lines)")
            #expect(lines.first?.hasPrefix("soup: 127.0.0.1:1: ") == true, "\(lines)")
            #expect(lines.first?.contains("Permission denied") == true, "\(lines)")
        }

        @Test func anOrdinaryUserCanRunIt() throws {
            let copy = try TemporaryFile.copyOfSoup()
            let address = try OwnListener.freeAddress()
            let soup = try Child(try Wrapper.withoutPrivileges() + [copy.path, "\(address)"])
            try wait(for: "soup listens") { soup.output == "listening on \(address)\n" }
            try expectAllGreeted(Clients(100, to: address))
        }

        /// Older kernels count a ring's memory as locked; newer ones only some of it. Both are right, if said.
        @Test func withoutLockedMemoryItServesOrNamesTheLimit() throws {
            let copy = try TemporaryFile.copyOfSoup()
            let address = try OwnListener.freeAddress()
            let limited = try Wrapper.limiting("memlock", to: 0) + Wrapper.withoutPrivileges()
            var soup = try Child(limited + [copy.path, "\(address)"])
            var ending: Ending?
            try wait(for: "soup listens or ends") {
                ending = soup.poll()
                return ending != nil || soup.output == "listening on \(address)\n"
            }
            if let ending {
                #expect(ending == .exited(1))
                #expect(soup.output == "")
                let lines = soup.errors.split(separator: "\n")
                #expect(lines.count == 1, "\(lines)")
                #expect(lines.first?.hasPrefix("soup: ") == true, "\(lines)")
                #expect(lines.first?.contains("ulimit -l") == true, "\(lines)")
            } else {
                try expectAllGreeted(Clients(100, to: address))
            }
        }

        /// More clients than descriptors, and none of them ends its side before all are greeted.
        @Test func outOfDescriptorsItGreetsEverybodyInTheEnd() throws {
            let soup = try Soup(under: try Wrapper.limiting("nofile", to: 64))
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(200, to: soup.address)
            #expect(try ProcFS.queueLength(at: soup.address) == 200)
            soup.resume()
            try expectAllGreeted(clients)
            try expectOutcome(.greeted, at: soup.address)
            try soup.expectDescriptors(before)
        }

        /// Each that speaks holds a descriptor until it ends its side: here all descriptors, and others wait.
        @Test func clientsThatHoldAllDescriptorsDelayTheOthersOnly() throws {
            let soup = try Soup(under: try Wrapper.limiting("nofile", to: 64))
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let speakers = try Clients(200, to: soup.address)
            try speakers.send([0x21])
            let others = try Clients(50, to: soup.address)
            soup.resume()
            try speakers.waitUntilReadable(32)
            _ = consume speakers
            try expectAllGreeted(others)
            // Where clients have spoken, soup waits a while for each to end its side.
            _ = consume others
            try soup.expectDescriptors(before)
        }
    }
}
