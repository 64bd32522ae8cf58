import Glibc

/// The loopback address that the contenders of this process listen on, and no other process's.
///
/// 127.0.0.1 is everybody's: whoever still looks there for a server that had the port before would be accepted and counted, and
/// the account would not balance. All of 127.0.0.0/8 is this machine's; a process number has 22 bits, and so has the part of an
/// address in 127.64.0.0/10 that is free.
enum OwnHost {
    static var address: String { address(of: getpid()) }

    static func address(of process: pid_t) -> String {
        let number = UInt32(bitPattern: process)
        return "127.\(64 + number >> 16 % 64).\(number >> 8 % 256).\(number % 256)"
    }
}
