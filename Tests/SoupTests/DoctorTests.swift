// nb-doctor here, with each limit lowered in turn: what the test has set is expected exactly, what is this machine's is not.

import FoundationEssentials
@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Doctor {
        @Test func itsExitStatusIsTheWorstSeverity() throws {
            let doctor = try EndedDoctor()
            #expect(doctor.report.findings.map(\.subject) == EndedDoctor.subjects)
            #expect(doctor.report.severity == doctor.worst)
            #expect(doctor.ending == .exited(doctor.status))
            #expect(doctor["engine"].severity == "well")
        }

        @Test func aLowLimitOfDescriptorsIsFound() throws {
            let doctor = try EndedDoctor(under: [try program("sh"), "-c", "ulimit -n 256 && exec \"$0\" \"$@\""])
            #expect(doctor["descriptors"].value == "256 of at most 256")
            #expect(doctor["descriptors"].severity == "limit")
            #expect(doctor["descriptors"].cures.map(\.place) == ["shell", "systemd", "docker", "kubernetes"])
            #expect(doctor["descriptors"].cure("shell") == "ulimit -n 65536")
            #expect(doctor.ending == .exited(1))
        }

        @Test func tooFewDescriptorsForAServerAreFound() throws {
            let doctor = try EndedDoctor(under: try Wrapper.limiting("nofile", to: 6))
            #expect(doctor["descriptors"].value == "6 of at most 6")
            #expect(doctor["descriptors"].severity == "unable")
            #expect(doctor.ending == .exited(2))
        }

        /// With so few that no engine can be made, no program can be loaded either. strace makes the calls fail instead.
        @Test func whereNoEngineCanBeMadeItSaysWhy() throws {
            let calls = "io_uring_setup,epoll_create1"
            let doctor = try EndedDoctor(under: try Wrapper.failing(calls, with: "EMFILE"))
            #expect(doctor["engine"].value == "none")
            #expect(doctor["engine"].severity == "unable")
            #expect(doctor["engine"].verdict.contains("epoll_create1: Too many open files"))
            #expect(doctor["engine"].verdict.contains("no ring is used either: io_uring_setup: Too many open files"))
            #expect(doctor["engine"].cure("shell") == "ulimit -n 65536")
            #expect(doctor["io_uring"].value == "out of descriptors")
            #expect(doctor.ending == .exited(2))
        }

        /// Root locks as much as it likes. Newer kernels count only some of a ring's memory, and older ones none.
        @Test func aLimitOfLockedMemoryIsFound() throws {
            let copy = try TemporaryFile.copy(of: try Soup.built("nb-doctor"))
            let wrapper = try Wrapper.limiting("memlock", to: 0) + Wrapper.withoutPrivileges()
            let doctor = try EndedDoctor(at: copy.path, under: wrapper)
            #expect(doctor["locked_memory"].value == "0 bytes")
            #expect(doctor["locked_memory"].severity == "limit")
            #expect(["available", "out of locked memory"].contains(doctor["io_uring"].value))
            #expect(doctor.ending == .exited(1))
        }

        /// Root of a user namespace does not, as in a container without root.
        @Test func aLimitOfLockedMemoryIsFoundInAUserNamespace() throws {
            let copy = try TemporaryFile.copy(of: try Soup.built("nb-doctor"))
            let unshare = [try program("unshare"), "--user", "--map-root-user"]
            let doctor = try EndedDoctor(at: copy.path, under: try Wrapper.limiting("memlock", to: 0) + unshare)
            #expect(doctor["locked_memory"].severity == "limit")
            #expect(["available", "out of locked memory"].contains(doctor["io_uring"].value))
            #expect(doctor.ending == .exited(1))
        }

        @Test(arguments: [EPERM, ENOSYS], Deployment.ringCalls.prefix(2))
        func aFilterOfTheRingsCallsIsFound(errno: Int32, call: String) throws {
            let filter = try SystemCallFilter.refusing([call], with: errno)
            let doctor = try EndedDoctor(under: try Wrapper.filtered(by: filter))
            #expect(doctor["engine"].value == "epoll")
            #expect(doctor["io_uring"].value == "filtered")
            #expect(doctor["io_uring"].severity == "limit")
            #expect(doctor["io_uring"].verdict.hasPrefix("\(call): "))
            #expect(doctor["io_uring"].cures.map(\.place) == ["systemd", "docker", "kubernetes"])
            #expect(doctor["io_uring"].cure("docker")?.hasSuffix("seccomp=Examples/Deployment/seccomp.json") == true)
            #expect(doctor.ending == .exited(1))
        }

        /// A kernel without io_uring answers as strace does here.
        @Test func anAbsentRingIsFound() throws {
            let doctor = try EndedDoctor(under: try Wrapper.failing("io_uring_setup", with: "ENOSYS"))
            #expect(doctor["io_uring"].value == "absent")
            #expect(doctor["io_uring"].severity == "limit")
            #expect(doctor.ending == .exited(1))
        }

        @Test func aServerThatMustHaveTheRingCannotRunUnderAFilter() throws {
            let filter = try SystemCallFilter.refusing(["io_uring_setup"], with: EPERM)
            let wrapper = try Wrapper.filtered(by: filter) + [try program("env"), "NB_SERVER_ENGINE=ring"]
            let doctor = try EndedDoctor(under: wrapper)
            #expect(doctor["engine"].value == "none")
            #expect(doctor["engine"].severity == "unable")
            #expect(doctor["io_uring"].severity == "unable")
            #expect(doctor["NB_SERVER_ENGINE"].value == "\"ring\"")
            #expect(doctor.ending == .exited(2))
        }

        @Test func aFilterDoesNotMatterToAServerThatRunsOnEpollAnyway() throws {
            let filter = try SystemCallFilter.refusing(["io_uring_setup"], with: EPERM)
            let wrapper = try Wrapper.filtered(by: filter) + [try program("env"), "NB_SERVER_ENGINE=epoll"]
            let doctor = try EndedDoctor(under: wrapper)
            #expect(doctor["engine"].value == "epoll")
            #expect(doctor["io_uring"].value == "filtered")
            #expect(doctor["io_uring"].severity == "well")
        }

        @Test(arguments: ["epoll", "ring"])
        func theEnvironmentChoosesTheEngine(engine: String) throws {
            let doctor = try EndedDoctor(under: [try program("env"), "NB_SERVER_ENGINE=\(engine)"])
            #expect(doctor["NB_SERVER_ENGINE"].value == "\"\(engine)\"")
            #expect(doctor["NB_SERVER_ENGINE"].severity == "well")
            #expect(doctor["engine"].value == (engine == "ring" ? "io_uring" : engine))
            let asked = engine == "ring" ? "the ring" : engine
            #expect(doctor["engine"].verdict.contains("NB_SERVER_ENGINE asks for \(asked)"))
        }

        @Test func anUnknownEngineInTheEnvironmentIsFound() throws {
            let doctor = try EndedDoctor(under: [try program("env"), "NB_SERVER_ENGINE=\"non\nsense\""])
            #expect(doctor["NB_SERVER_ENGINE"].severity == "unable")
            #expect(doctor["NB_SERVER_ENGINE"].value == #""\"non\nsense\"""#)
            #expect(doctor["engine"].severity == "unable")
            #expect(doctor.ending == .exited(2))
        }

        /// In a network namespace of the test's own.
        @Test(.enabled(if: getuid() == 0, "only root may change the limits of a network namespace"))
        func lowLimitsOfTheNetworkAreFound() throws {
            let set = "echo 128 >core/somaxconn && echo 40000 40099 >ipv4/ip_local_port_range"
            let shell = "(cd /proc/sys/net && \(set)) && exec \"$0\" \"$@\""
            let doctor = try EndedDoctor(under: [try program("unshare"), "--net", try program("sh"), "-c", shell])
            #expect(doctor["somaxconn"].value == "128")
            #expect(doctor["somaxconn"].severity == "limit")
            #expect(doctor["port_range"].value == "40000-40099")
            #expect(doctor["port_range"].severity == "limit")
            #expect(doctor.ending == .exited(1))
        }

        /// A switch of the test's own in place of the kernel's, in a mount namespace, and a filter that answers as the kernel would.
        @Test(.enabled(if: getuid() == 0, "only root may mount a file over another"), arguments: ["1", "2"])
        func aRingThatIsSwitchedOffIsFound(value: String) throws {
            let file = try TemporaryFile()
            let filter = try SystemCallFilter.refusing(["io_uring_setup"], with: EPERM)
            let path = "/proc/sys/kernel/io_uring_disabled"
            guard access(path, F_OK) == 0 else { return }
            let shell = "echo \(value) >\(file.path) && mount --bind \(file.path) \(path) && exec \"$0\" \"$@\""
            let mounting = [try program("unshare"), "--mount", try program("sh"), "-c", shell]
            let doctor = try EndedDoctor(under: mounting + Wrapper.filtered(by: filter))
            // 1 does not forbid it to root, so that it must be the filter.
            #expect(doctor["io_uring"].value == (value == "1" ? "filtered" : "switched off"))
            #expect(doctor["io_uring"].severity == "limit")
            if value == "2" { #expect(doctor["io_uring"].cure("shell") == "sysctl -w kernel.io_uring_disabled=0") }
            #expect(doctor.ending == .exited(1))
        }

        @Test(.enabled(if: LimitedGroup.isAvailable, "no control group with limits can be made here"))
        func lowLimitsOfAControlGroupAreFound() throws {
            let group = try LimitedGroup()
            let doctor = try EndedDoctor(under: try group.wrapper())
            #expect(doctor["cgroup_memory"].value == "64 MiB")
            #expect(doctor["cgroup_memory"].severity == "limit")
            #expect(doctor["cgroup_pids"].value == "8 threads")
            #expect(doctor["cgroup_pids"].severity == "limit")
            #expect(doctor["cgroup_cpu"].value == "0.500 processors")
            #expect(doctor["cgroup_cpu"].severity == "limit")
            #expect(doctor.ending == .exited(1))
        }

        /// For people: a line for each finding, aligned, and behind those that are not well what to type.
        @Test func theTextSaysTheSame() throws {
            let command = try Wrapper.limiting("nofile", to: 256) + [try Soup.built("nb-doctor")]
            let text = try EndedProgram(command)
            let lines = text.output.split(separator: "\n")
            let findings = lines.filter { ["well  ", "limit ", "unable"].contains($0.prefix(6)) }
            #expect(findings.map { String($0.dropFirst(8).prefix { $0 != " " }) } == EndedDoctor.subjects)
            let line = try #require(lines.firstIndex { $0.hasPrefix("limit   descriptors       256 of at most 256  ") })
            #expect(lines.dropFirst(line + 1).first == "          shell       ulimit -n 65536")
            #expect(lines.last?.hasPrefix("a server runs on ") == true)
            #expect(text.ending == .exited(1))
            #expect(text.errors == "")
        }

        @Test func whatItDoesNotKnowIsAnError() throws {
            for argument in ["--jsn", "-h", "x", "", "--json=yes"] {
                let ended = try EndedProgram([try Soup.built("nb-doctor"), argument])
                #expect(ended.ending == .exited(64))
                #expect(ended.output == "")
                let expected = "nb-doctor: it takes --json and --help, not \(argument.debugDescription); see --help\n"
                #expect(ended.errors == expected)
            }
        }

        @Test func helpSaysHowToUseIt() throws {
            let ended = try EndedProgram([try Soup.built("nb-doctor"), "--help"])
            #expect(ended.ending == .exited(0))
            #expect(ended.output.hasPrefix("usage: nb-doctor [--json]\n"))
            #expect(
                ended.output.contains(
                    "exit status: 0 well, 1 a server runs and will meet a limit, 2 a server cannot run"
                )
            )
        }
    }
}

/// What nb-doctor said for programs, and how it ended.
private struct EndedDoctor {
    struct Report: Decodable {
        struct Finding: Decodable {
            struct Cure: Decodable {
                let place: String
                let text: String
            }

            let subject: String
            let value: String
            let severity: String
            let verdict: String
            let cures: [Cure]

            func cure(_ place: String) -> String? { cures.first { $0.place == place }?.text }
        }

        let severity: String
        let findings: [Finding]
    }

    static let subjects = [
        "engine", "NB_SERVER_ENGINE", "io_uring", "kernel", "descriptors", "locked_memory", "somaxconn", "port_range",
        "cgroup_cpu", "cgroup_memory", "cgroup_pids",
    ]
    private static let severities = ["well", "limit", "unable"]

    let ending: Ending
    let report: Report

    init(at path: String? = nil, under wrapper: [String] = []) throws {
        let ended = try EndedProgram(wrapper + [try path ?? Soup.built("nb-doctor"), "--json"])
        ending = ended.ending
        do {
            report = try JSONDecoder().decode(Report.self, from: Data(ended.output.utf8))
        } catch {
            throw Failure("nb-doctor ended with \(ending) and said \(ended.output)\(ended.errors): \(error)")
        }
    }

    subscript(subject: String) -> Report.Finding {
        report.findings.first { $0.subject == subject }
            ?? Report.Finding(subject: subject, value: "missing", severity: "", verdict: "", cures: [])
    }

    var worst: String? { Self.severities.last { severity in report.findings.contains { $0.severity == severity } } }

    var status: Int32 { Int32(Self.severities.firstIndex(of: report.severity) ?? -1) }
}
