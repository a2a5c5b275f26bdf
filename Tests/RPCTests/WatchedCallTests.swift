import ProtoRuntime
import RPC
import Synchronization
import Testing

/// A streaming call ends with its caller's right to it.
@Suite(.timeLimit(.minutes(1))) struct WatchedCallTests {
    /// Puts a watch on every call.
    struct Watching: ServerInterceptor {
        let watch: @Sendable () async throws -> Void
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            try await next(context.watched(by: watch))
        }
    }

    private static let unary = MethodDescriptor(
        service: "test.Test", name: "Unary", callType: .unary, requestType: Google_Protobuf_Empty.self,
        responseType: Google_Protobuf_Empty.self)
    private static let stream = MethodDescriptor(
        service: "test.Test", name: "Stream", callType: .serverStreaming, requestType: Google_Protobuf_Empty.self,
        responseType: Google_Protobuf_Empty.self)

    private func router(_ watch: @escaping @Sendable () async throws -> Void) -> Router {
        Router(interceptors: [Watching(watch: watch)])
    }

    private func run(_ router: Router, _ method: MethodDescriptor) async -> Status? {
        do {
            try await router.callServerStreaming(
                method.path, request: [], context: ServerContext(method: method), onMessage: { _ in })
            return nil
        } catch { return error as? Status }
    }

    @Test func aHandlerThatWaitsIsEnded() async {
        let ended = Mutex(false)
        var router = router {
            try await Task.sleep(for: .milliseconds(20))
            throw Status.unauthenticated("The key is revoked.", reason: "KEY_REVOKED")
        }
        router.serverStreaming(Self.stream) {
            (_: Google_Protobuf_Empty, responses: ResponseWriter<Google_Protobuf_Empty>, _: ServerContext) in
            try await responses.write(Google_Protobuf_Empty())
            defer { ended.withLock { $0 = true } }
            try await Task.sleep(for: .seconds(3_600))
        }
        #expect(await run(router, Self.stream)?.reason == "KEY_REVOKED")
        #expect(ended.withLock { $0 })
    }

    @Test func aHandlerThatEndsFirstEndsTheWatch() async {
        let cancelled = Mutex(false)
        var router = router {
            do { try await Task.sleep(for: .seconds(3_600)) } catch { cancelled.withLock { $0 = true } }
        }
        router.serverStreaming(Self.stream) {
            (_: Google_Protobuf_Empty, responses: ResponseWriter<Google_Protobuf_Empty>, _: ServerContext) in
            try await responses.write(Google_Protobuf_Empty())
        }
        #expect(await run(router, Self.stream) == nil)
        #expect(cancelled.withLock { $0 })
    }

    @Test func theHandlersOwnErrorIsTheCalls() async {
        var router = router { try? await Task.sleep(for: .seconds(3_600)) }
        router.serverStreaming(Self.stream) {
            (_: Google_Protobuf_Empty, _: ResponseWriter<Google_Protobuf_Empty>, _: ServerContext) in
            throw Status.notFound("Nothing here.", reason: "NOTHING")
        }
        #expect(await run(router, Self.stream)?.reason == "NOTHING")
    }

    @Test func aUnaryCallHasNoWatch() async throws {
        var router = router { throw Status.internalError("never asked") }
        router.unary(Self.unary) { (_: Google_Protobuf_Empty, context: ServerContext) in
            #expect(context.watch == nil)
            return Google_Protobuf_Empty()
        }
        _ = try await router.callUnary(
            Self.unary.path, request: [], context: ServerContext(method: Self.unary))
    }
}
