import Glibc
import Synchronization

/// The children of this process, and the one that a callback is to make. Any thread.
final class Children: Sendable {
    private struct Child {
        let pid: pid_t
        let kind: ChildProcess.Kind
    }

    private let children = Mutex<[Child]>([])
    private let awaited = Mutex<ChildProcess.Kind?>(nil)

    func make(_ kind: ChildProcess.Kind) {
        let pid = ChildProcess.make(kind)
        children.withLock { $0.append(Child(pid: pid, kind: kind)) }
        print("child \(pid)")
    }

    /// Has the next connection's callback make a child.
    func makeInCallback(_ kind: ChildProcess.Kind) {
        awaited.withLock { awaited in
            // First: a callback may be at it already when the lock is given back.
            print("armed")
            awaited = kind
        }
    }

    /// Makes the child that is asked for, if one is.
    func makeAwaited() {
        let kind = awaited.withLock { kind in
            defer { kind = nil }
            return kind
        }
        if let kind { make(kind) }
    }

    /// Kills those that would live on, and reaps all.
    func reap() {
        let all = children.withLock { children in
            defer { children = [] }
            return children
        }
        var answer = "reaped"
        for child in all {
            var status: Int32 = 0
            if child.kind != .forkAndExit { kill(child.pid, SIGKILL) }
            while waitpid(child.pid, &status, 0) < 0 && errno == EINTR {}
            answer += " \(status)"
        }
        print(answer)
    }
}
