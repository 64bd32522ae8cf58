// The profile of Examples/Deployment as the kernel applies it, to programs from their very start.

@preconcurrency import Glibc
import GrantedLevels
import Testing

extension SoupTests {
    @Suite struct Deployment {
        static let ringCalls = ["io_uring_setup", "io_uring_enter", "io_uring_register"]

        static let commands = [
            ["soup", "127.0.0.1:0"], ["echo", "127.0.0.1:0"], ["hello-http", "127.0.0.1:0"],
            ["counter", "127.0.0.1:0"],
            ["soup-kitchen", "--admin", "127.0.0.1:0", "127.0.0.1:0"], ["embedding", "epoll", "127.0.0.1:0"],
            ["embedding", "dispatch", "127.0.0.1:0"],
        ]

        @Test func underTheProfileSoupRunsOnTheRing() throws {
            let filter = try SeccompProfile.ours().filter()
            var soup = try Soup(under: try Wrapper.filtered(by: filter))
            #expect(try ProcFS.status("Seccomp", of: soup.pid) == "2")
            #expect(try ProcFS.descriptors(of: soup.pid).values.contains(Tracing.ringLink))
            try expectGreetsAndEnds(&soup)
            #expect(soup.child.errors == "")
        }

        /// Which is what the default profiles leave out.
        @Test func underTheProfileWithoutTheRingsCallsSoupRunsOnEpoll() throws {
            let filter = try SeccompProfile.ours().without(Self.ringCalls).filter()
            var soup = try Soup(under: try Wrapper.filtered(by: filter))
            #expect(try !ProcFS.descriptors(of: soup.pid).values.contains(Tracing.ringLink))
            try expectGreetsAndEnds(&soup)
            let lines = soup.child.errors.split(separator: "\n")
            #expect(lines.count == 1)
            #expect(lines.first?.hasPrefix("soup: running on epoll of Linux") == true, "\(lines)")
            #expect(lines.first?.contains("io_uring_setup: Function not implemented") == true, "\(lines)")
        }

        /// Threads, tasks and timers included.
        @Test(arguments: commands, [true, false])
        func underTheProfileEachExampleServesAndEndsWell(command: [String], withRing: Bool) throws {
            let profile = try SeccompProfile.ours()
            let filter = try (withRing ? profile : profile.without(Self.ringCalls)).filter()
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { for end in ends { close(end) } }
            var server = try Child(
                try Wrapper.filtered(by: filter) + [try Soup.built(command[0])] + command.dropFirst(),
                input: ends[0]
            )
            try wait(for: "\(command[0]) listens") {
                if let ending = server.poll() { throw Failure("\(command[0]): \(ending): \(server.errors)") }
                return server.output.contains("\n")
            }
            // Those that read their input answer a line.
            if ["counter", "soup-kitchen"].contains(command[0]) {
                #expect(write(ends[1], "\n", 1) == 1)
                try wait(for: "\(command[0]) answers") {
                    server.output.contains("0 served") || server.output.contains("0 bowls")
                }
            }
            server.signal(SIGTERM)
            #expect(try server.wait() == .exited(0), "\(server.errors)")
        }

        /// Each name is a system call's, so that none is misspelled; and the profile is for both architectures.
        @Test func theProfileNamesSystemCalls() throws {
            let profile = try SeccompProfile.ours()
            #expect(profile.names.isSuperset(of: Self.ringCalls))
            #expect(profile.architectures == ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"])
            #if arch(x86_64)
            #expect(profile.names.subtracting(try SystemCallFilter.numbers().keys) == [])
            #endif
        }

        /// What a container keeps from its programs: other namespaces, mounts, modules, other processes' memory, kexec, the clock.
        @Test func theProfileLeavesOutWhatAServerHasNoBusinessWith() throws {
            let forbidden = [
                "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "finit_module",
                "fsmount", "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "mount",
                "mount_setattr", "move_mount", "name_to_handle_at", "open_by_handle_at", "open_tree",
                "perf_event_open", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace",
                "quotactl", "reboot", "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff",
                "swapon", "syslog", "umount2", "unshare", "userfaultfd", "vhangup",
            ]
            #expect(try SeccompProfile.ours().names.isDisjoint(with: forbidden))
        }

        /// Arguments count as well: a new user namespace is refused, by either call.
        @Test func underTheProfileNoNamespaceIsMade() throws {
            let filter = try SeccompProfile.ours().filter()
            let ended = try EndedProgram(
                try Wrapper.filtered(by: filter) + [try program("unshare"), "--user", try program("true")]
            )
            #expect(ended.ending == .exited(1))
            #expect(ended.errors.contains("Function not implemented"), "\(ended.errors)")
        }
    }
}
