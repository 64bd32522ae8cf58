import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// What is the epoll engine's own, beside what every engine's contract asks: what is registered with epoll and when, what is known of
/// a descriptor whose number has had several owners, and what a full queue leaves over.
@Suite(.serialized) struct EpollEngineTests {
    /// `accept4`, `send`, `close`: nothing is registered but the listener.
    @Test func aShortConnectionIsNeverWatched() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        driven.submit(.accept(listener: socket.descriptor, .multishot), 1)
        try driven.poll(expecting: [])
        #expect(driven.watched == [socket.descriptor])
        let client = try Client(socket.address)
        let accepted = try driven.wait(for: 1)
        let connection = try #require(accepted.first?.result)
        #expect(accepted.said == [Said(1, connection, isLast: false)])
        try EpollEngineTests.withText("hello") { bytes in
            driven.submit(.send(descriptor: connection, bytes: bytes), 2, silently: true)
            try driven.poll(expecting: [])
        }
        #expect(driven.watched == [socket.descriptor])
        driven.submit(.close(descriptor: connection), 4, silently: true)
        try driven.poll(expecting: [])
        #expect(try client.readToEnd() == .end("hello"))
        socket.close()
    }

    /// A receive that waits first is not tried before epoll has told of something. Another one is, and what is there needs no epoll.
    @Test(arguments: [false, true])
    func whatIsThereAlreadyIsReceived(waitsFirst: Bool) throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        #expect(pair.send("early"))
        driven.submit(.receive(descriptor: pair.end, .oneShot, waitsFirst: waitsFirst), 1)
        let completions = try driven.poll()
        #expect(completions.said == [Said(1, 5)])
        #expect(completions.first.flatMap { driven.text($0) } == "early")
        #expect(driven.watched == (waitsFirst ? [pair.end] : []))
        close(pair.end)
    }

    /// A socket is writable when it is made, and epoll would tell so of each.
    @Test func aSocketIsWatchedForOutputFromTheFirstSendThatWaits() throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        driven.submit(.receive(descriptor: pair.end, .multishot), 1)
        try driven.poll(expecting: [])
        #expect(driven.watched == [pair.end])
        #expect(driven.watchedForOutput == [])
        let text = String(repeating: "x", count: 1 << 20)
        var received = ""
        try EpollEngineTests.withText(text) { bytes in
            driven.submit(.send(descriptor: pair.end, bytes: bytes), 2)
            try driven.poll(expecting: [])
            #expect(driven.watchedForOutput == [pair.end])
            var completions: [Completion] = []
            while let more = pair.read(upTo: text.utf8.count - received.utf8.count), !more.isEmpty {
                received += more
                completions += try driven.poll()
            }
            #expect(completions.said == [Said(2, 1 << 20)])
        }
        #expect(received == text)
        // What came before the second registration and what comes after it are told.
        #expect(pair.send("hello"))
        let completions = try driven.wait(for: 1)
        #expect(completions.map { driven.text($0) } == ["hello"])
        #expect(driven.watchedForOutput == [pair.end])
        close(pair.end)
    }

    /// Epoll tells of a few hundred descriptors at a time. A host that waits elsewhere is not told again of the others.
    @Test func whatEpollHasNotToldYetIsPending() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        driven.submit(.accept(listener: socket.descriptor, .multishot), 1)
        try driven.poll(expecting: [])
        var pairs: [SocketPair] = []
        for _ in 0...EventPoll.capacity {
            let pair = SocketPair()
            driven.submit(.discardByReading(descriptor: pair.end), 2)
            try driven.poll(expecting: [])
            #expect(pair.send("1"))
            #expect(try driven.wait(for: 1).said == [Said(2, 1)])
            pairs.append(pair)
        }
        // Nothing waits for these, and the client comes after them.
        for pair in pairs { #expect(pair.send("2")) }
        let client = try Client(socket.address)
        #expect(try driven.enter().said == [])
        let isPending = driven.engine.isPending
        #expect(isPending)
        let accepted = try driven.enter()
        #expect(accepted.map(\.token.slot) == [1])
        for completion in accepted { close(completion.result) }
        try driven.poll(expecting: [])
        let isPendingYet = driven.engine.isPending
        #expect(!isPendingYet)
        withExtendedLifetime(client) { socket.close() }
        for pair in pairs { close(pair.end) }
    }

    /// A listener is closed without the engine being told. The next one has its number, and is another file. In a process of its own:
    /// no other test may take the number.
    @Test(arguments: [true, false])
    func aListenerWithTheNumberOfAClosedOneIsHeard(wasCancelled: Bool) async {
        await #expect(processExitsWith: .success) { [wasCancelled] in
            try EpollEngineTests.giveItsNumberToAnotherListener(wasCancelled: wasCancelled)
        }
    }

    private static func giveItsNumberToAnotherListener(wasCancelled: Bool) throws {
        var driven = try DrivenEpoll()
        let first = try ListenSocket("127.0.0.1:0", options: [])
        let number = first.descriptor
        driven.submit(.accept(listener: number, .multishot), 1)
        try driven.poll(expecting: [])
        if wasCancelled {
            driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: number), 2, silently: true)
            try driven.poll(expecting: [Said(1, -ECANCELED)])
        } else {
            let client = try Client(first.address)
            driven.submit(.accept(listener: number, .oneShot), 2)
            close(try #require(try driven.wait(for: 1).first?.result))
            driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: number), 3, silently: true)
            let client2 = try Client(first.address)
            let ends = try driven.wait(for: 2)
            for end in ends where end.result >= 0 { close(end.result) }
            withExtendedLifetime([client, client2]) {}
        }
        let second = try ListenSocket("127.0.0.1:0", options: [])
        // Closes the first, and leaves the runtime no moment to take the number.
        try #require(dup2(second.descriptor, number) == number)
        close(second.descriptor)
        driven.submit(.accept(listener: number, .multishot), 4)
        try driven.poll(expecting: [])
        let client = try Client(second.address)
        let accepted = try driven.wait(for: 1)
        #expect(accepted.map(\.token.slot) == [4])
        for completion in accepted { close(completion.result) }
        withExtendedLifetime(client) { _ = close(number) }
    }

    /// A socket from elsewhere gets the number of a listener that was closed.
    @Test func aSocketWithTheNumberOfAClosedListenerIsHeard() async {
        await #expect(processExitsWith: .success) { try EpollEngineTests.giveAListenersNumberToASocket() }
    }

    private static func giveAListenersNumberToASocket() throws {
        var driven = try DrivenEpoll()
        let listener = try ListenSocket("127.0.0.1:0", options: [])
        let number = listener.descriptor
        driven.submit(.accept(listener: number, .multishot), 1)
        try driven.poll(expecting: [])
        driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: number), 2, silently: true)
        try driven.poll(expecting: [Said(1, -ECANCELED)])
        let pair = SocketPair()
        try #require(dup2(pair.end, number) == number)
        driven.submit(.receive(descriptor: number, .oneShot), 3)
        try driven.poll(expecting: [])
        #expect(pair.send("hello"))
        let received = try driven.wait(for: 1)
        #expect(received.said == [Said(3, 5)])
        #expect(received.first.flatMap { driven.text($0) } == "hello")
        close(number)
        close(pair.end)
    }

    /// The file of a closed connection is open elsewhere, so epoll goes on telling of it. Its number is a pipe's by now, and a read
    /// of that would block.
    @Test func anEventOfAnEarlierOwnerIsNotTakenForTheNextOnes() async {
        await #expect(processExitsWith: .success) { try EpollEngineTests.giveASocketsNumberToAPipe() }
    }

    private static func giveASocketsNumberToAPipe() throws {
        alarm(60)
        defer { alarm(0) }
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        let number = pair.end
        driven.submit(.receive(descriptor: number, .oneShot), 1)
        try driven.poll(expecting: [])
        let elsewhere = fcntl(number, F_DUPFD_CLOEXEC, 0)
        driven.submit(.close(descriptor: number), 2, silently: true)
        try driven.poll(expecting: [Said(1, -ECANCELED)])
        var pipe: [Int32] = [-1, -1]
        Glibc.pipe(&pipe)
        if pipe[0] != number {
            try #require(dup2(pipe[0], number) == number)
            close(pipe[0])
        }
        var byte: UInt8 = 0
        try withUnsafeMutablePointer(to: &byte) { memory in
            driven.submit(.read(descriptor: number, into: Operation.Memory(memory), count: 1), 3)
            try driven.poll(expecting: [])
            #expect(pair.send("hello"))
            try driven.poll(expecting: [])
            write(pipe[1], "x", 1)
            try driven.wait(expecting: [Said(3, 1)])
        }
        #expect(byte == UInt8(ascii: "x"))
        for descriptor in [elsewhere, number, pipe[1]] { close(descriptor) }
    }

    /// Numbers that were closed together are watched anew for their next owners.
    @Test func socketsWithNumbersThatWereClosedTogetherAreHeard() async {
        await #expect(processExitsWith: .success) { try EpollEngineTests.giveClosedNumbersToSockets() }
    }

    private static func giveClosedNumbersToSockets() throws {
        var driven = try DrivenEpoll()
        let earlier = [SocketPair(), SocketPair()]
        for pair in earlier {
            driven.submit(.discardByReading(descriptor: pair.end), 1)
            try driven.poll(expecting: [])
            #expect(pair.send("hello"))
            try driven.wait(expecting: [Said(1, 5)])
        }
        let (numbers, later) = (earlier.map(\.end), [SocketPair(), SocketPair()])
        driven.engine.close(numbers.span)
        for (number, pair) in zip(numbers, later) {
            try #require(dup2(pair.end, number) == number)
            close(pair.end)
            driven.submit(.discardByReading(descriptor: number), 2)
            try driven.poll(expecting: [])
            #expect(pair.send("soup"))
            try driven.wait(expecting: [Said(2, 4)])
            close(number)
        }
    }

    @Test func aForgottenSocketIsNotWatchedAnyMore() throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        driven.submit(.receive(descriptor: pair.end, .multishot), 1)
        try driven.poll(expecting: [])
        #expect(driven.watched == [pair.end])
        driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: pair.end), 2)
        try driven.poll(expecting: [Said(1, -ECANCELED), Said(2, 0)])
        driven.engine.forget(pair.end)
        #expect(driven.watched.isEmpty)
        close(pair.end)
    }

    /// A number that is not a listener's any more is another owner's: an accept fails and changes nothing.
    @Test func anAcceptLeavesADescriptorAloneThatDoesNotListen() throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        // A high number, so that no other test takes it again.
        let (file, closed) = (open("/dev/null", O_RDONLY | O_CLOEXEC), fcntl(0, F_DUPFD_CLOEXEC, 900))
        close(closed)
        for (number, descriptor) in [pair.end, file, closed].enumerated() {
            driven.submit(.accept(listener: descriptor, .multishot), UInt32(number))
        }
        try driven.poll(expecting: [Said(0, -EINVAL), Said(1, -ENOTSOCK), Said(2, -EBADF)])
        for descriptor in [pair.end, file] {
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK == 0)
            close(descriptor)
        }
    }

    /// The arm ends with the connection that fills the queue; the next arm takes the rest.
    @Test func anAcceptTakesAQuantumAndLosesNobody() throws {
        var driven = try DrivenEpoll(quantum: 4)
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        let clients = try (0..<11).map { _ in try Client(socket.address) }
        var ends: [[Bool]] = []
        for arm in 1...3 {
            driven.submit(.accept(listener: socket.descriptor, .multishot), UInt32(arm))
            let accepted = try driven.enter()
            ends.append(accepted.map(\.isLast))
            for completion in accepted { close(completion.result) }
        }
        #expect(ends == [[false, false, false, true], [false, false, false, true], [false, false, false]])
        socket.close()
        withExtendedLifetime(clients) {}
    }

    /// After clients that came one by one, one is accepted and served before the next is looked for; what came meanwhile is found without
    /// epoll being asked, in runs of twice the length.
    @Test func afterLoneClientsWhatCameMeanwhileIsFoundInLongerRuns() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        driven.submit(.accept(listener: socket.descriptor, .multishot), 1)
        try driven.poll(expecting: [])
        var clients: [Client] = []
        for _ in 0..<20 {
            clients.append(try Client(socket.address))
            for completion in try driven.wait(for: 1) { close(completion.result) }
            try driven.poll(expecting: [])
        }
        clients += try (0..<12).map { _ in try Client(socket.address) }
        var runs: [Int] = []
        while runs.reduce(0, +) < 12 {
            let accepted = try runs.isEmpty ? driven.wait(for: 1) : driven.enter()
            #expect(accepted.allSatisfy { !$0.isLast })
            runs.append(accepted.count)
            for completion in accepted { close(completion.result) }
            // A host that waits elsewhere is told to come again while there may be more: epoll does not tell again.
            let isPending = driven.engine.isPending
            #expect(isPending == (runs.count < 4))
        }
        #expect(runs == [1, 2, 4, 5])
        try driven.poll(expecting: [])
        socket.close()
        withExtendedLifetime(clients) {}
    }

    /// What was submitted and has completed at once takes no room from what waits. What was not taken does.
    @Test func completionsThatWereNotTakenTakeRoom() throws {
        var driven = try DrivenEpoll(quantum: 4)
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        let clients = try (0..<10).map { _ in try Client(socket.address) }
        for number in 0..<6 {
            driven.submit(.cancel(Token(kind: 1, slot: 99), descriptor: -1), 100 + UInt32(number))
        }
        driven.submit(.accept(listener: socket.descriptor, .multishot), 1)
        try driven.engine.enter(until: driven.engine.now)
        let cancels = driven.take(6)
        #expect(cancels.map(\.token.slot) == [100, 101, 102, 103, 104, 105])
        let hasAccepted = driven.engine.hasCompletions
        #expect(hasAccepted)
        driven.submit(.accept(listener: socket.descriptor, .multishot), 2)
        try driven.engine.enter(until: driven.engine.now)
        let first = driven.take(64)
        #expect(first.map(\.token.slot) == [1, 1, 1, 1])
        #expect(first.map(\.isLast) == [false, false, false, true])
        let next = try driven.enter()
        #expect(next.map(\.token.slot) == [2, 2, 2, 2])
        for completion in first + next { close(completion.result) }
        withExtendedLifetime(clients) { socket.close() }
    }

    /// Where the loop serves connections at once and few end, each is served before the next is accepted. Where many end, or the loop does
    /// not serve them itself, or limits count them, a crowd is a batch.
    @Test func connectionsThatStayAreAcceptedOneByOne() throws {
        let crowds = try Crowds(DrivenEpoll(quantum: 256))
        for _ in 1...4 { #expect(try crowds.take(64, .receives) == false) }
        // The four samples say so, and the run that follows the fourth is the first of its kind.
        #expect(try crowds.take(10, .receives))
        #expect(try crowds.take(54, .receivesAndEnds))
        for _ in 1...4 { #expect(try crowds.take(64, .receives) == false) }
        #expect(try crowds.take(64, .stays))
        #expect(try crowds.take(64, .receives) == false)
    }

    @Test(arguments: [Crowds.Conduct.stays, .ends, .receivesAndEnds, .receivesLater])
    func otherConnectionsAreAcceptedInRuns(_ conduct: Crowds.Conduct) throws {
        let crowds = try Crowds(DrivenEpoll(quantum: 256))
        for _ in 1...8 { #expect(try crowds.take(64, conduct) == false) }
    }

    @Test func connectionsThatAreCountedAreAcceptedInRuns() throws {
        let crowds = try Crowds(DrivenEpoll(quantum: 256, acceptsInRunsOnly: true))
        for _ in 1...8 { #expect(try crowds.take(64, .receives) == false) }
    }

    /// A crowd is a batch where the clients before it came in crowds, or there were none.
    @Test func aCrowdAfterACrowdIsABatch() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        driven.submit(.accept(listener: socket.descriptor, .multishot), 1)
        try driven.poll(expecting: [])
        for _ in 0..<3 {
            let clients = try (0..<12).map { _ in try Client(socket.address) }
            let accepted = try driven.wait(for: 1)
            #expect(accepted.count == 12)
            for completion in accepted { close(completion.result) }
            try driven.poll(expecting: [])
            withExtendedLifetime(clients) {}
        }
        socket.close()
    }

    /// A listener that has more than a quantum, and is armed again at once, does not keep the other from being served.
    @Test func aCrowdOfOneListenerDoesNotKeepTheOtherWaiting() throws {
        var driven = try DrivenEpoll(quantum: 4)
        let (crowded, quiet) = (
            try ListenSocket("127.0.0.1:0", options: []), try ListenSocket("127.0.0.1:0", options: [])
        )
        driven.submit(.accept(listener: quiet.descriptor, .multishot), 2)
        try driven.poll(expecting: [])
        let clients = try (0..<40).map { _ in try Client(crowded.address) } + [Client(quiet.address)]
        var slots: [[UInt32]] = []
        for _ in 0..<3 {
            driven.submit(.accept(listener: crowded.descriptor, .multishot), 1)
            let accepted = try driven.enter()
            slots.append(accepted.map(\.token.slot))
            for completion in accepted { close(completion.result) }
        }
        #expect(slots.prefix(2).joined().contains(2), "\(slots)")
        crowded.close()
        quiet.close()
        withExtendedLifetime(clients) {}
    }

    @Test func whatWaitsEndsWithItsDescriptor() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        let client = try Client(socket.address)
        driven.submit(.accept(listener: socket.descriptor, .oneShot), 1)
        let connection = try #require(try driven.wait(for: 1).first?.result)
        driven.submit(.receive(descriptor: connection, .multishot), 2)
        try driven.poll(expecting: [])
        driven.submit(.disconnect(descriptor: connection), 3)
        try driven.poll(expecting: [Said(2, -ECONNRESET), Said(3, 0)])
        #expect(try client.readToEnd() == .reset)
        driven.submit(.close(descriptor: connection), 4)
        try driven.poll(expecting: [Said(4, 0)])

        let pair = SocketPair()
        try EpollEngineTests.withText(String(repeating: "x", count: 4 << 20)) { bytes in
            driven.submit(.send(descriptor: pair.end, bytes: bytes), 5)
            driven.submit(.discardByReading(descriptor: pair.end), 6)
            try driven.poll(expecting: [])
            driven.submit(.close(descriptor: pair.end), 7, silently: true)
            let ends = try driven.poll()
            #expect(ends.map(\.token.slot) == [6, 5])
            #expect(ends.first?.result == -ECANCELED)
            let sent = ends.last?.result ?? 0
            #expect(sent > 0 && pair.readToEnd()?.utf8.count == Int(sent))
        }
        socket.close()
    }

    /// The descriptor that wakes the loop blocks.
    @Test func aDescriptorThatBlocksIsReadOnlyWhenItIsReadable() throws {
        alarm(60)
        defer { alarm(0) }
        var driven = try DrivenEpoll()
        let event = try EventDescriptor()
        var count: UInt64 = 0
        try withUnsafeMutablePointer(to: &count) { memory in
            for signals in UInt64(1)...3 {
                memory.pointee = 0
                driven.submit(.read(descriptor: event.descriptor, into: Operation.Memory(memory), count: 8), 1)
                try driven.poll(expecting: [])
                for _ in 0..<signals { event.signal() }
                try driven.wait(expecting: [Said(1, 8)])
                #expect(memory.pointee == signals)
            }
        }
    }

    @Test func aConnectTellsWhetherItIsThere() throws {
        var driven = try DrivenEpoll()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        for isListening in [true, false] {
            if !isListening { socket.close() }
            let client = Client(family: AF_INET)
            let address = socket.address.withSockaddr { Array(UnsafeRawBufferPointer(start: $0, count: Int($1))) }
            try address.withUnsafeBytes { address in
                guard let base = address.baseAddress else { return }
                let bytes = Operation.Bytes(base, count: address.count)
                driven.submit(.connect(descriptor: client.descriptor, to: bytes), 1)
                try driven.wait(expecting: [Said(1, isListening ? 0 : -ECONNREFUSED)])
            }
            driven.engine.forget(client.descriptor)
        }
    }

    /// The host's descriptor is readable when its time has come or it is woken, and silent after it has rested.
    @Test func theHostIsWokenByTheAlarmAndTheEvent() throws {
        var driven = try DrivenEpoll()
        let event = try EventDescriptor(blocks: false)
        let descriptor = try driven.engine.openDescriptor(wokenBy: event.descriptor)
        func isReadable(within milliseconds: Int32) -> Bool { poll(descriptor, POLLIN, limit: milliseconds) }
        for _ in 1...3 {
            try driven.engine.rest(until: nil)
            #expect(!isReadable(within: 0))
            event.signal()
            #expect(isReadable(within: 10_000))
            try driven.engine.rest(until: driven.engine.now + .milliseconds(1))
            #expect(isReadable(within: 10_000))
            try driven.poll(expecting: [])
        }
        // The later one is moved.
        try driven.engine.rest(until: driven.engine.now + .seconds(600))
        #expect(!isReadable(within: 0))
        try driven.engine.rest(until: driven.engine.now + .milliseconds(1))
        #expect(isReadable(within: 10_000))
        try driven.engine.rest(until: nil)
        #expect(!isReadable(within: 0))
    }

    @Test func anEngineWhoseDescriptorIsClosedSaysSo() async {
        await #expect(processExitsWith: .success) {
            // Lower numbers for what other threads open between the close and the wait, or its number would be another file's.
            let lower = (0..<50).map { _ in dup(0) }
            var driven = try DrivenEpoll()
            for descriptor in lower { close(descriptor) }
            close(driven.engine.poll.descriptor)
            do {
                _ = try driven.poll()
                Issue.record("nothing was thrown")
            } catch let error as EngineError {
                expect(error.operation, is: "epoll_wait", "what failed")
                expect(error.errno, is: EBADF, "its error")
                expect(error.advice.contains("closed behind its back"), error.advice)
            }
        }
    }

    /// epoll that does not watch: each operation that would have to wait ends with the error, also behind another one.
    @Test func whatCannotBeWatchedEnds() async {
        await #expect(processExitsWith: .success) {
            var driven = try DrivenEpoll()
            let (pair, full) = (SocketPair(), SocketPair())
            // No epoll any more.
            let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
            expect(dup2(file, driven.engine.poll.descriptor), is: driven.engine.poll.descriptor, "the engine's number")
            driven.submit(.receive(descriptor: pair.end, .multishot), 1)
            driven.submit(.receive(descriptor: pair.end, .oneShot), 2)
            driven.submit(.discardByReading(descriptor: pair.end), 3)
            try EpollEngineTests.withText(String(repeating: "x", count: 4 << 20)) { bytes in
                driven.submit(.send(descriptor: full.end, bytes: bytes), 4)
                driven.submit(.send(descriptor: full.end, bytes: bytes), 5)
                let ends = try driven.enter()
                expect(ends.map(\.token.slot), is: [4, 5, 1, 2, 3], "what has ended")
                expect(ends.dropFirst().map(\.result), is: Array(repeating: -EINVAL, count: 4), "how")
                let sent = ends.first?.result ?? 0
                expect(sent > 0 && sent < 4 << 20, "\(sent) bytes were sent")
            }
        }
    }

    /// The cause of each engine is in the one error of both.
    @Test func withoutAnyEngineBothCausesAreNamed() async {
        await #expect(processExitsWith: .success) {
            DescriptorLimit.lower()
            do {
                _ = try ChosenEngine(ServerOptions())
                Issue.record("an engine without a descriptor")
            } catch let error as ServerError {
                for cause in ["epoll_create1", "and no ring is used either", "io_uring_setup"] {
                    expect(error.description.contains(cause), "\(error)")
                }
            }
            DescriptorLimit.raise()
        }
    }

    @Test func withoutADescriptorNoEngineIsMade() async {
        await #expect(processExitsWith: .success) {
            _ = try DrivenEpoll()
            DescriptorLimit.lower()
            do {
                _ = try DrivenEpoll()
                Issue.record("an engine without a descriptor")
            } catch let error as EngineError {
                expect(error.operation, is: "epoll_create1", "what failed")
                expect(error.errno, is: EMFILE, "its error")
                expect(error.advice.contains("RLIMIT_NOFILE"), error.advice)
            }
            DescriptorLimit.raise()
        }
    }
}
