import Bytes
import ProtoRuntime
import RPC
import Synchronization
import Testing

@Suite struct StatusTests {
    @Test func itComesBackFromTheWire() throws {
        var status = Status.resourceExhausted("Trop, لا", reason: "QUOTA", retryAfter: .milliseconds(1500))
            .with("limit", "5")
        status.details.fieldViolations = [.init(field: "a.b", description: "too long")]
        status.details.quotaViolations = [.init(subject: "tenant", description: "calls")]
        status.details.others = [.init(typeURL: "type.googleapis.com/x.Y", value: [1, 2])]
        let back = try #require(Status(wire: status.wireBytes()))
        #expect(back == status)
        #expect(back.reason == "QUOTA")
        #expect(back.retryAfter == .milliseconds(1500))
        #expect(Status(wire: [0xFF]) == nil)
    }

    @Test func codesHaveTheirNames() {
        for number in 0...16 {
            let code = Status.Code(rawValue: number)
            #expect(Status.Code(name: code.name) == code)
        }
        #expect(Status.Code(rawValue: 42).name == "CODE_42")
        #expect(Status.Code(name: "NOPE") == nil)
        #expect("\(Status.notFound("gone"))" == "NOT_FOUND [NOT_FOUND]: gone")
    }

    @Test func nothingInternalIsShown() {
        struct Secret: Error { let password = "hunter2" }
        let shown = Status(wrapping: Secret())
        #expect(shown.code == .internalError)
        #expect(!"\(shown)".contains("hunter2") && !"\(shown)".contains("Secret"))
        #expect(Status(wrapping: CancellationError()).code == .cancelled)
        #expect(Status(wrapping: Status.notFound("x")) == .notFound("x"))
    }
}

@Suite struct MetadataTests {
    @Test func namesAreLowerCaseAndChecked() {
        var metadata: Metadata = ["X-Name": "v"]
        metadata.add("bad name", "v")
        metadata.add("é", "v")
        metadata.add("", "v")
        metadata.add("x-line", "a\r\nx-smuggled: b")
        #expect(metadata.count == 1)
        #expect(metadata["x-name"] == "v")
        #expect(metadata["x-smuggled"] == nil)
    }

    @Test func valuesKeepTheirOrder() {
        var metadata = Metadata()
        metadata.add("a", "1")
        metadata.add("b", "2")
        metadata.add("a", "3")
        #expect(metadata.all("a") == ["1", "3"])
        metadata.set("A", "4")
        #expect(metadata.all("a") == ["4"])
        metadata.remove("B")
        #expect(metadata["b"] == nil)
    }

    @Test func bytesNeedTheirSuffix() {
        var metadata = Metadata()
        metadata.add("x-bin", bytes: [0, 255])
        metadata.add("x", bytes: [1])
        #expect(metadata.bytes("x-bin") == [0, 255])
        #expect(metadata.bytes("x") == nil)
        #expect(metadata["x-bin"] == nil, "bytes are no text")
    }
}

@Suite struct DeadlineTests {
    @Test func itPassesAndEndsWork() async {
        #expect(Deadline.after(.seconds(-1)).hasPassed)
        #expect(Deadline.after(.seconds(-1)).remaining == .zero)
        #expect(!Deadline.after(.seconds(60)).hasPassed)
        #expect(Deadline.after(.seconds(1)) < Deadline.after(.seconds(2)))
        let late = await status {
            try await withDeadline(.after(.milliseconds(20))) { try await Task.sleep(for: .seconds(60)) }
        }
        #expect(late?.code == .deadlineExceeded)
        let early = await status { try await withDeadline(.after(.seconds(-1))) { _ = Issue.record("ran") } }
        #expect(early?.code == .deadlineExceeded)
    }

    @Test func resultsAndErrorsPass() async throws {
        #expect(try await withDeadline(.after(.seconds(60))) { 7 } == 7)
        #expect(try await withDeadline(nil) { 8 } == 8)
        #expect(
            await status { try await withDeadline(.after(.seconds(60))) { throw Status.notFound("x") } }?.code
                == .notFound)
    }

    @Test func longTimesDoNotOverflow() {
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(-Int64.max).wholeNanoseconds == .min)
        #expect(Duration.nanoseconds(17).wholeNanoseconds == 17)
    }

    @Test func defaultsBindAnswersNotStreams() {
        #expect(CallOptions.defaults.deadline(for: .unary) != nil)
        #expect(CallOptions.defaults.deadline(for: .serverStreaming) == nil)
        #expect(CallOptions(timeout: .seconds(1)).deadline(for: .serverStreaming) != nil)
        #expect(CallOptions().deadline(for: .unary) == nil)
    }
}

@Suite struct RouterTests {
    static func method(_ name: String, _ type: CallType = .unary) -> MethodDescriptor {
        MethodDescriptor(
            service: "test.R", name: name, callType: type, requestType: Text.self, responseType: Text.self,
            policy: .open)
    }

    struct Tag: ServerInterceptor {
        let name: String
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            context.setTrailer("x-order", "\(name)-in")
            do { try await next(context) } catch {
                context.setTrailer("x-order", "\(name)-failed")
                throw error
            }
            context.setTrailer("x-order", "\(name)-out")
        }
    }

    struct Refusal: ServerInterceptor {
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            throw Status.permissionDenied("no")
        }
    }

    @Test func routesAreFoundByTheirBytes() {
        var router = Router()
        for number in 0..<200 { router.unary(Self.method("M\(number)")) { (request: Text, _) in request } }
        for number in 0..<200 {
            let path = Array("/test.R/M\(number)".utf8)
            #expect(path.withUnsafeBytes { router.route(path: $0) }?.method.name == "M\(number)")
        }
        for wrong in ["/test.R/M200", "/test.R/", "", "/test.R/M1 "] {
            #expect(Array(wrong.utf8).withUnsafeBytes { router.route(path: $0) } == nil)
        }
        #expect(router.services == ["test.R"])
        #expect(router.methods.count == 200)
    }

    @Test func aSecondRegistrationReplacesTheFirst() async throws {
        var router = Router()
        let method = Self.method("Same")
        router.unary(method) { (_: Text, _) in Text("first") }
        router.unary(method) { (_: Text, _) in Text("second") }
        let answer = try await router.callUnary(
            method.path, request: [], context: ServerContext(method: method))
        #expect(try Text(wire: answer).value == "second")
        #expect(router.methods.count == 1)
    }

    @Test func interceptorsRunFromTheOutside() async throws {
        var router = Router(interceptors: [Tag(name: "a")])
        router.add(interceptor: Tag(name: "b"))
        let method = Self.method("Order")
        router.unary(method) { (request: Text, context) in
            context.setTrailer("x-order", "handler")
            if request.value == "fail" { throw Status.notFound("x") }
            return request
        }
        let context = ServerContext(method: method)
        _ = try await router.callUnary(method.path, request: [], context: context)
        #expect(context.detachedAnswer.trailers.all("x-order") == ["a-in", "b-in", "handler", "b-out", "a-out"])
        let failing = ServerContext(method: method)
        let failure = await status {
            _ = try await router.callUnary(method.path, request: Text("fail").wireBytes(), context: failing)
        }
        #expect(failure?.code == .notFound)
        #expect(failing.detachedAnswer.trailers.all("x-order").suffix(2) == ["b-failed", "a-failed"])
    }

    @Test func arefusalReachesNoHandler() async {
        var router = Router(interceptors: [Refusal()])
        let method = Self.method("Closed")
        router.unary(method) { (request: Text, _) in
            Issue.record("the handler ran")
            return request
        }
        let refused = await status {
            _ = try await router.callUnary(method.path, request: [], context: ServerContext(method: method))
        }
        #expect(refused?.code == .permissionDenied)
        let unknown = await status {
            _ = try await router.callUnary("/no/Such", request: [], context: ServerContext(method: method))
        }
        #expect(unknown?.reason == "UNKNOWN_METHOD")
    }

    @Test func streamsInsideTheProcessAreOrdered() async throws {
        var router = Router()
        let count = Self.method("Count", .serverStreaming)
        router.serverStreaming(count) { (request: Text, responses: ResponseWriter<Text>, _) in
            for number in 0..<5 { try await responses.write(Text("\(number)")) }
            try await responses.write(contentsOf: ["x", "y"].map { Text($0) })
        }
        let heard = Mutex<[String]>([])
        try await router.callServerStreaming(count.path, request: [], context: ServerContext(method: count)) { bytes in
            let text = try Text(wire: bytes).value
            heard.withLock { $0.append(text) }
        }
        #expect(heard.withLock { $0 } == ["0", "1", "2", "3", "4", "x", "y"])
    }

    @Test func malformedRequestsAreTheCallersFault() async {
        var router = Router()
        let method = Self.method("Echo")
        router.unary(method) { (request: Text, _) in request }
        let bad = await status {
            _ = try await router.callUnary(method.path, request: [0x0A, 0xFF], context: ServerContext(method: method))
        }
        #expect(bad?.reason == "MALFORMED_MESSAGE")
    }
}

@Suite struct ContextTests {
    @Test func tenantsAndScopes() throws {
        let method = RouterTests.method("X")
        let anonymous = ServerContext(method: method)
        #expect(throws: Status.self) { try anonymous.requireTenant() }
        let tenant = UUID128.v4()
        let known = anonymous.with(identity: .tenantKey(tenant: tenant, keyID: "k", scopes: ["retrieval.*"]))
        #expect(try known.requireTenant() == tenant)
        let scopes: ScopeSet = ["retrieval.*", "keys.read"]
        #expect(scopes.allows("retrieval.read") && scopes.allows("keys.read"))
        #expect(
            !scopes.allows("keys.write") && !scopes.allows("retrieval") && !scopes.allows("-") && !scopes.allows(""))
        #expect(!ScopeSet.all.allows("-"))
        #expect(ScopeSet.all.covers(scopes) && !scopes.covers(.all))
        #expect(scopes.covers(["retrieval.write"]) && !scopes.covers(["keys.*"]))
    }

    @Test(
        arguments: [
            (nil, "fr"), ("ar", "ar"), ("en;q=0.5, ar;q=0.8", "ar"), ("de, en", "en"), ("", "fr"), ("xx;q=abc", "fr"),
            ("AR-dz", "ar"), (";;;,,,q=", "fr"),
        ] as [(String?, String)])
    func languages(_ sample: (String?, String)) { #expect(AcceptLanguage.best(of: sample.0) == sample.1) }

    @Test func requestIDs() {
        #expect(RequestID.from(["x-request-id": "abc-1"]) == "abc-1")
        #expect(RequestID.from(["x-request-id": "a b"]) == nil)
        #expect(RequestID.from(["x-request-id": String(repeating: "a", count: 129)]) == nil)
        #expect(RequestID.from([:]) == nil)
    }
}
