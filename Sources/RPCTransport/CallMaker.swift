internal import ProtoRuntime
internal import RPC

/// Makes the calls of a client, behind its interceptors.
struct CallMaker: ClientChannel {
    let pool: ConnectionPool

    func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response {
        if let hedging = options.hedging, hedging.maximumAttempts > 1, method.idempotency == .noSideEffects {
            return try await hedged(method, request, options, hedging)
        }
        return try await withTaskExecutorPreference(pool.executor) {
            let call = ClientCall(self.pool, method, options) { try $0.send(request, isLast: true) }
            return try await call.only()
        }
    }

    func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response> {
        try await withTaskExecutorPreference(pool.executor) {
            let call = ClientCall(self.pool, method, options) { try $0.send(request, isLast: true) }
            try await call.begin()
            return ResponseStream(call)
        }
    }

    func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message {
        try await withTaskExecutorPreference(pool.executor) {
            try await self.streaming(method, requests, options).only()
        }
    }

    func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message {
        try await withTaskExecutorPreference(pool.executor) {
            let call = self.streaming(method, requests, options)
            try await call.begin()
            return ResponseStream(call)
        }
    }

    private func streaming<Requests: AsyncSequence & Sendable>(
        _ method: MethodDescriptor, _ requests: Requests, _ options: CallOptions
    ) -> ClientCall where Requests.Element: Message {
        let pump = RequestPump(requests, pool.executor)
        let call = ClientCall(
            pool, method, options, launch: { try pump.launch($0) }, canRelaunch: { pump.canRelaunch },
            release: { pump.stop() })
        pump.onFailure = { [weak call] in call?.fail($0) }
        return call
    }

    /// The first answer of several copies of a call, sent one after the other while none has come.
    private func hedged<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, _ options: CallOptions, _ hedging: HedgingPolicy
    ) async throws -> Response {
        var plain = options
        plain.hedging = nil
        let copy = plain
        return try await withThrowingTaskGroup(of: Result<Response, Status>.self) { group in
            for number in 0..<hedging.maximumAttempts {
                group.addTask {
                    if number > 0 { try await Task.sleep(for: hedging.delay * number) }
                    do { return .success(try await self.unary(method, request, options: copy)) } catch {
                        return .failure(Status(wrapping: error))
                    }
                }
            }
            defer { group.cancelAll() }
            var last = Status.cancelled()
            for try await result in group {
                switch result {
                case .success(let response): return response
                // Another copy may fare better, unless the server has decided.
                case .failure(let status):
                    last = status
                    guard status.code == .unavailable || status.code == .resourceExhausted else { throw status }
                }
            }
            throw last
        }
    }
}
