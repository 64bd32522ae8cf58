/// Listens on an address for as long as a body runs, and gives the body the connections as a sequence.
///
/// ```swift
/// import NBServer
///
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
/// A server on a thread of its own accepts. Demand reaches the kernel: the listeners pause when ``ArrivalOptions/highWater`` connections
/// wait to be taken, and resume at ``ArrivalOptions/lowWater``.
///
/// The body ends the server by its return, by an error, or by the cancellation of its task. Connections that were accepted and not taken
/// are reset and counted. Taken connections that have not ended are sent what is queued and closed, within ``ServerOptions/stopTimeLimit``.
///
/// - Parameters:
///   - endpoint: the address to listen on, as in `"127.0.0.1:7007"`. If it is in use, it is tried again for up to half a second, which
///     blocks the thread.
///   - options: how the server runs, and how many connections may wait.
///   - observer: what observes the server; `nil` for nothing.
///   - draining: the signals that drain the server; see ``Server/run(drainingOn:within:stoppingOn:reporting:)``.
///   - limit: how long connections have to end in that drain.
///   - stopping: the signals that stop the server.
///   - body: called once, when the server accepts.
/// - Returns: the value that `body` returns, when everything is closed.
/// - Throws: the error that `body` throws; ``ServerError`` if the server cannot be made or cannot begin; the server's failure, if `body`
///   returned because of that.
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

/// Listens on addresses for as long as a body runs; see `withListener` with one address.
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
