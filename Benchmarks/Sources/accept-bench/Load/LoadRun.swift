import Glibc
import LoopbackClient
import Measuring
import Synchronization

/// Runs a plan on as many threads as asked for, each with a generator of its own and a share of the clients.
///
/// One in which something is to happen once, when all are connected or held, is one thread's.
enum LoadRun {
    static func run(_ plan: LoadPlan, threads: Int = 1) throws -> LoadResult {
        guard threads > 1, plan.whenConnected == nil, plan.whenHeld == nil else {
            var generator = try Generator(plan)
            return try generator.run()
        }
        let shares = (0..<threads).map { LoadRun.Share(plan.share($0, of: threads)) }
        var others: [pthread_t] = []
        do {
            for share in shares.dropFirst() { others.append(try start(share)) }
            shares[0].run()
        } catch {
            // Those that have begun have a server that goes when this fails: not before they have ended.
            for thread in others { pthread_join(thread, nil) }
            throw error
        }
        for thread in others { pthread_join(thread, nil) }
        var result = try shares[0].result()
        for share in shares.dropFirst() { result.add(try share.result()) }
        return result
    }

    private static func start(_ share: Share) throws -> pthread_t {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(share).toOpaque()
        let error = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Share>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context
        )
        guard error == 0 else {
            Unmanaged<Share>.fromOpaque(context).release()
            throw Failure("pthread_create: \(String(cString: strerror(error)))")
        }
        return thread
    }

    /// What one thread does, and what it comes to.
    private final class Share: Sendable {
        private let plan: LoadPlan
        private let outcome = Mutex<Result<LoadResult, any Error>?>(nil)

        init(_ plan: LoadPlan) {
            self.plan = plan
        }

        func run() {
            let result = Result {
                var generator = try Generator(plan)
                return try generator.run()
            }
            outcome.withLock { $0 = result }
        }

        func result() throws -> LoadResult {
            guard let outcome = outcome.withLock({ $0 }) else { throw Failure("a load thread has no result") }
            return try outcome.get()
        }
    }
}

extension LoadPlan {
    /// A thread's share of the clients, of the rate and of the count.
    fileprivate func share(_ number: Int, of threads: Int) -> LoadPlan {
        var share = self
        func part(_ count: Int) -> Int { count / threads + (number < count % threads ? 1 : 0) }
        share.streams = streams.map { stream in
            var stream = stream
            stream.count = stream.count.map(part)
            switch stream.pace {
            case .closed(let inFlight):
                stream.pace = .closed(inFlight: max(1, part(inFlight)))
            case .open(let perSecond, let atMost):
                stream.pace = .open(perSecond: perSecond / Double(threads), atMost: max(1, part(atMost)))
            }
            return stream
        }
        return share
    }
}
