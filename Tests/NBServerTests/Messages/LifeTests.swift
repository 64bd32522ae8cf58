import Glibc
import Testing

@testable import NBServer

/// How a server begins and ends, and who hears of it.
@Suite struct LifeTests {
    private func unborn(_ verdict: @escaping Clerk.Step) throws -> (server: Server<Clerk>, ends: Record<Int>) {
        let ends = Record<Int>()
        var clerk = Clerk()
        clerk.onBegin = verdict
        clerk.onEnd = { _, _, _ in ends.append(1) }
        return (try Server(clerk, listening: .unshared), ends)
    }

    private func isFree(_ address: SocketAddress) -> Bool {
        (try? ListenSocket(Endpoint(address.description), options: [])) != nil
    }

    @Test func startReturnsWhenTheBehaviorHasBegun() async throws {
        let begun = Record<Int>()
        let (server, ends) = try unborn { _, _ in
            begun.append(1)
            return .continue
        }
        try await server.start()
        #expect(begun.entries == [1])
        await server.stop()
        #expect(ends.entries == [1])
    }

    @Test func aBehaviorMayDeclineAndTheStarterHearsOfIt() async throws {
        let (server, ends) = try unborn { _, _ in .stop("not today") }
        async let call = failure { try await server.call(Clerk.Call.total, within: nil) }
        await server.waitForMail(1)
        let error = #expect(throws: ServerError.self) { try server.startBlocking() }
        #expect(error?.code == .declined)
        #expect(error?.cure == "the behavior declined to start: not today")
        guard case .failed(let end as ServerError) = await server.waitForEnd() else {
            Issue.record("it ended otherwise")
            return
        }
        #expect(end == error)
        #expect(await call == "the server has stopped: failed: \(end)")
        #expect(ends.entries.isEmpty)
        #expect(isFree(server.addresses[0]))
    }

    @Test func aBehaviorThatCannotBeginSaysWhy() async throws {
        let (server, ends) = try unborn { _, context in
            try context.addListener(on: .unshared)
            _ = context.startTimer(after: .zero)
            throw Clerk.Trouble()
        }
        let error = #expect(throws: ServerError.self) { try server.startBlocking() }
        #expect(error?.code == .beginFailed)
        #expect(error?.cure == "the behavior cannot start: Trouble()")
        #expect(ends.entries.isEmpty)
        #expect(server.addresses.count == 2)
        for address in server.addresses { #expect(isFree(address)) }
        #expect(await server.stop().description == "failed: begin: the behavior cannot start: Trouble()")
    }

    @Test func runThrowsWhatStartThrows() async throws {
        let (server, _) = try unborn { _, _ in throw Clerk.Trouble() }
        let code = try await onThread {
            do throws(ServerError) {
                return "ran: \(try server.run())"
            } catch {
                return "\(error.code)"
            }
        }
        #expect(code == "beginFailed")
    }

    @Test func terminateRunsOnceWithTheReasonWhenTheListenersAreClosed() async throws {
        let ends = Record<String>()
        var clerk = Clerk()
        clerk.onEnd = { _, reason, context in ends.append("\(reason), \(context.addresses.count) listeners") }
        try await clerk.serve(listening: [.unshared]) { server in
            try server.cast(.perform { _, _ in .stop("now") })
            _ = await server.waitForEnd()
        }
        #expect(ends.entries == ["stopped by the behavior: now, 0 listeners"])
    }

    @Test func whatIsAskedOfAServerThatTerminatesIsAnError() async throws {
        let errors = Record<ServerError.Code>()
        var clerk = Clerk()
        clerk.onEnd = { _, _, context in
            let address = context.addresses.first ?? Self.somewhere
            do throws(ServerError) { try context.addListener(on: .unshared) } catch { errors.append(error.code) }
            do throws(ServerError) { try context.removeListener(on: address) } catch { errors.append(error.code) }
            do throws(ServerError) { try context.pauseListener(on: address) } catch { errors.append(error.code) }
            do throws(ServerError) { try context.resumeListener(on: address) } catch { errors.append(error.code) }
            _ = context.startTimer(after: .zero)
            context.drain(within: .zero)
        }
        try await clerk.serve(listening: [.unshared]) { _ in }
        #expect(errors.entries == [.stopped, .notListening, .notListening, .notListening])
    }

    private static let somewhere: SocketAddress = {
        guard let address = try? Endpoint("127.0.0.1:1").resolved() else { preconditionFailure("that is an address") }
        return address
    }()

    @Test func theEndIsWaitedForInManyPlaces() async throws {
        let server = try Server(Clerk(), listening: [])
        let threads = Record<String>()
        let gates = (0..<4).map { _ in Gate() }
        for gate in gates {
            try startThread {
                threads.append(server.waitForEndBlocking().map(\.description) ?? "nothing")
                gate.open()
            }
        }
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<4 { group.addTask { await failure { throw End(await server.waitForEnd()) } } }
            await server.waitForThoseWhoWait(8)
            do { try await server.start() } catch { Issue.record(error) }
            try? server.cast(.perform { _, _ in .stop("all of you") })
            for await reason in group { #expect(reason == "stopped by the behavior: all of you") }
        }
        _ = try await onThread { for gate in gates { gate.wait() } }
        #expect(threads.entries == [String](repeating: "stopped by the behavior: all of you", count: 4))
        #expect(await server.waitForEnd().description == "stopped by the behavior: all of you")
    }

    private struct End: Error, CustomStringConvertible {
        let description: String
        init(_ reason: StopReason) { description = reason.description }
    }

    @Test func aThreadThatWaitsForTheEndNoLongerIsForgotten() async throws {
        try await Clerk().serve { server in
            let reason = try await onThread { server.waitForEndBlocking(within: .milliseconds(1)) }
            #expect(reason == nil)
            await server.waitForThoseWhoWait(0)
        }
    }

    @Test func theEndIsWaitedForThoughTheTaskIsCancelled() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let task = Task { await server.waitForEnd().description }
        await server.waitForThoseWhoWait(1)
        task.cancel()
        await server.waitForThoseWhoWait(1)
        await server.stop()
        #expect(await task.value == "stop requested")
    }

    @Test func stoppingReturnsTheReasonThatWasFirst() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        try server.cast(.perform { _, _ in .stop("first") })
        _ = await server.waitForEnd()
        server.requestStop()
        #expect(await server.stop().description == "stopped by the behavior: first")
        _ = try await onThread { server.stopBlocking() }
    }

    @Test func aStopIsWaitedForThoughItsTaskIsCancelled() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        let gate = Gate()
        try server.hold(until: gate)
        let task = Task { await server.stop().description }
        task.cancel()
        await server.waitForThoseWhoWait(1)
        gate.open()
        #expect(await task.value == "stop requested")
    }

    @Test func aStopFromACallbackDoesNotWaitForItself() async throws {
        let server = try Server(Clerk(), listening: [])
        try await server.start()
        try server.cast(
            .perform { _, _ in
                server.stopBlocking()
                return .continue
            }
        )
        #expect(await server.waitForEnd().description == "stop requested")
    }

    @Test func aServerThatNobodyRefersToAnyMoreGoesOn() async throws {
        let ends = Record<String>()
        let stop = Gate()
        let ended = Outcome<Void>()
        var clerk = Clerk()
        clerk.onEnd = { _, reason, _ in
            ends.append("\(reason)")
            ended.resolve(())
        }
        do {
            let server = try Server(clerk, listening: [])
            try await server.start()
            try server.hold(until: stop, then: .stop("alone"))
        }
        stop.open()
        await ended.resolved()
        #expect(ends.entries == ["stopped by the behavior: alone"])
    }
}

extension Server where Behavior == Clerk {
    /// Waits until so many wait for the server's end.
    fileprivate func waitForThoseWhoWait(_ count: Int) async {
        while waitersForEnd != count { await Task.yield() }
    }
}
