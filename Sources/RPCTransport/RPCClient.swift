internal import HTTP2
public import Logging
public import NIOCore
public import ProtoRuntime
public import RPC

/// A client of one server, over h2c or TLS; see `Configuration` for how it connects and tries again.
///
/// All its calls share one connection on one event loop of the group.
public final class RPCClient: ClientChannel {
    public let target: Target
    public let configuration: Configuration
    private let link: ClientLink

    public init(
        _ target: Target, configuration: Configuration = .defaults, group: any EventLoopGroup,
        logger: Logger = Logger(label: "ragdz.rpc.client")
    ) {
        self.target = target
        self.configuration = configuration
        link = ClientLink(target, configuration, group.next(), logger)
    }

    /// Ends the connection; running calls fail with `UNAVAILABLE`, later ones with `CANCELLED`.
    public func close() async {
        let link = self.link
        try? await link.loop.submit { link.close() }.get()
    }

    // MARK: - Calls

    public func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response {
        let deadline = options.deadline(for: method.callType)
        return try await withTaskExecutorPreference(link.executor) {
            try await self.retrying(method, deadline) {
                let stream = try await self.open(method, options, deadline)
                try stream.send(request, isLast: true)
                return try await Self.onlyResponse(stream, method)
            }
        }
    }

    public func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response> {
        let deadline = options.deadline(for: method.callType)
        return try await withTaskExecutorPreference(link.executor) {
            let stream = try await self.open(method, options, deadline)
            try stream.send(request, isLast: true)
            return ResponseStream(stream)
        }
    }

    public func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message {
        let deadline = options.deadline(for: method.callType)
        return try await withTaskExecutorPreference(link.executor) {
            let stream = try await self.open(method, options, deadline)
            self.pump(requests, into: stream)
            return try await Self.onlyResponse(stream, method)
        }
    }

    public func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message {
        let deadline = options.deadline(for: method.callType)
        return try await withTaskExecutorPreference(link.executor) {
            let stream = try await self.open(method, options, deadline)
            self.pump(requests, into: stream)
            return ResponseStream(stream)
        }
    }

    // MARK: - On the loop

    private func open(_ method: MethodDescriptor, _ options: CallOptions, _ deadline: Deadline?) async throws
        -> ClientStream
    {
        if let deadline, deadline.hasPassed { throw Status.deadlineExceeded() }
        let connection = try await link.connection(waitsForReady: options.waitForReady, deadline: deadline)
        let stream = ClientStream(connection, deadline: deadline)
        try connection.open(stream, headers(method, options, deadline))
        return stream
    }

    private func headers(_ method: MethodDescriptor, _ options: CallOptions, _ deadline: Deadline?) -> HeaderList {
        var list = HeaderList([
            ":method": "POST", ":scheme": scheme, ":path": method.path, ":authority": target.authority,
            "te": "trailers",
            "content-type": configuration.wire == .ragdz ? Framing.ragdzContentType : Framing.grpcContentType,
            "user-agent": configuration.userAgent, "grpc-accept-encoding": "identity,gzip",
        ])
        if configuration.compressionThreshold != .max { list.add("grpc-encoding", "gzip") }
        if let deadline { list.add("grpc-timeout", TimeoutCoding.encode(deadline.remaining)) }
        MetadataCoding.write(configuration.metadata, to: &list)
        MetadataCoding.write(options.metadata, to: &list)
        return list
    }

    private var scheme: String { configuration.tls == nil ? "http" : "https" }

    private static func onlyResponse<Response: Message>(
        _ stream: ClientStream, _ method: MethodDescriptor
    ) async throws -> Response {
        guard let response: Response = try await stream.nextSettled() else {
            throw Status.internalError("The server answered \(method.path) without a message.", reason: "NO_RESPONSE")
        }
        guard try await stream.nextSettled() as Response? == nil else {
            stream.abandon(.cancelled())
            throw Status.internalError(
                "The server answered \(method.path) with several messages.", reason: "TOO_MANY_RESPONSES")
        }
        return response
    }

    private func pump<Requests: AsyncSequence & Sendable>(_ requests: Requests, into stream: ClientStream)
    where Requests.Element: Message {
        stream.pump = Task.immediate(executorPreference: link.executor) {
            do {
                for try await request in requests {
                    try stream.send(request)
                    if !stream.isWritable { try await stream.waitForRoom() }
                }
                stream.endRequests()
            } catch {
                stream.abandon(Status(wrapping: error))
            }
        }
        if stream.outcome != nil { stream.pump?.cancel() }
    }

    /// Makes a call again when that is safe: the method is idempotent, or the server has not seen the call.
    private func retrying<R: Sendable>(
        _ method: MethodDescriptor, _ deadline: Deadline?, _ attempt: () async throws -> R
    ) async throws -> R {
        var failures = 0
        while true {
            do {
                let result = try await attempt()
                link.budget.succeeded()
                return result
            } catch let status as Status where status.code == .unavailable {
                failures += 1
                link.budget.failed()
                let isSafe = method.idempotency.mayRetry || status.reason == Status.notProcessedReason
                guard isSafe, failures < configuration.maximumAttempts, link.budget.allows else { throw status }
                let pause = max(configuration.backoff.pause(after: failures), status.retryAfter ?? .zero)
                if let deadline, deadline.remaining < pause { throw status }
                do { try await Task.sleep(for: pause) } catch { throw Status.cancelled() }
            } catch {
                throw Status(wrapping: error)
            }
        }
    }
}
