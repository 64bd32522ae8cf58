// Keeps SIGPIPE off this thread and tells whether one was sent to it; takes it away and restores the mask when dropped.

import Glibc

struct PipeSignals: ~Copyable {
    private var before = sigset_t()
    private var pipe = sigset_t()

    init() throws {
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        try check("pthread_sigmask", -pthread_sigmask(SIG_BLOCK, &pipe, &before))
    }

    deinit {
        var signals = pipe
        var mask = before
        var noTime = timespec()
        while sigtimedwait(&signals, nil, &noTime) == SIGPIPE {}
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    var isPending: Bool {
        var pending = sigset_t()
        sigpending(&pending)
        return sigismember(&pending, SIGPIPE) == 1
    }
}
