/// Listens on an address for as long as a body runs, and gives it the connections as a sequence.
///
/// ```swift
/// try await withListener("127.0.0.1:7007") { arrivals in
///     try await withThrowingDiscardingTaskGroup { group in
///         for await connection in arrivals {
///             group.addTask {
///                 try? await connection.withBytes { inbound, outbound in
///                     for try await bytes in inbound { try await outbound.send(bytes) }
///                 }
///             }
///         }
///     }
/// }
/// ```
///
/// A server on a thread of its own accepts. Demand reaches the kernel: when ``ArrivalOptions/highWater`` connections wait to be taken the
/// listeners pause, at ``ArrivalOptions/lowWater`` they resume. The body ends the server, by its return, an error or the cancellation of its
/// task: connections that were accepted and not taken are reset and counted, those that were taken and have not ended are sent out and
/// closed, see ``ServerOptions/stopTimeLimit``.
///
/// - Parameters:
///   - endpoint: where to listen, as in `"127.0.0.1:7007"`. An address in use is tried again for up to half a second, which blocks the thread.
///   - options: how to run, and how many connections may wait.
///   - observer: what watches the server, if anything does.
///   - draining: the signals that drain the server; see ``Server/run(drainingOn:within:stoppingOn:reporting:)``.
///   - limit: how long connections have to end in that drain.
///   - stopping: the signals that stop the server.
///   - body: called once, when the server accepts.
/// - Returns: what `body` returns, when everything is closed.
/// - Throws: what `body` throws; ``ServerError`` if the server cannot be made or begin; if `body` returns because the server has failed, why.
public nonisolated(nonsending) func withListener<Result>(
    _ endpoint: Endpoint,
    options: ArrivalOptions = ArrivalOptions(),
    observer: (any ServerObserver)? = nil,
    drainingOn draining: [Signal] = [],
    within limit: Duration = .seconds(30),
    stoppingOn stopping: [Signal] = [],
    _ body: nonisolated(nonsending) (Arrivals) async throws -> Result
) async throws -> Result {
    try await withListener(
        [endpoint],
        options: options,
        observer: observer,
        drainingOn: draining,
        within: limit,
        stoppingOn: stopping,
        body
    )
}

/// Listens on addresses for as long as a body runs; see `withListener` with one.
public nonisolated(nonsending) func withListener<Result>(
    _ endpoints: [Endpoint],
    options: ArrivalOptions = ArrivalOptions(),
    observer: (any ServerObserver)? = nil,
    drainingOn draining: [Signal] = [],
    within limit: Duration = .seconds(30),
    stoppingOn stopping: [Signal] = [],
    _ body: nonisolated(nonsending) (Arrivals) async throws -> Result
) async throws -> Result {
    try options.expectValid()
    let channel = ArrivalChannel(options)
    let server = try Server(
        ArrivalServer(channel: channel),
        listening: endpoints,
        options: options.server,
        observer: observer
    )
    channel.mailbox = server.mailbox
    let arrivals = Arrivals(channel: channel, server: server, executor: try server.executor)
    try await server.start(drainingOn: draining, within: limit, stoppingOn: stopping)
    let result: Result
    do {
        result = try await body(arrivals)
    } catch {
        channel.finish()
        await server.stop()
        throw error
    }
    channel.finish()
    if case .failed(let error) = await server.stop() { throw error }
    return result
}
