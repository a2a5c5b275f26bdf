import ProtoRuntime
import RPC
import Synchronization

/// A contract of its own with HTTP rules of every kind; its messages are `Struct`s, which take any field.
struct FakeService: RPCService {
    /// What the handlers saw.
    final class Log: Sendable {
        private let state = Mutex((events: [String](), metadata: [Metadata]()))
        func note(_ event: String) { state.withLock { $0.events.append(event) } }
        func note(_ metadata: Metadata) { state.withLock { $0.metadata.append(metadata) } }
        var events: [String] { state.withLock { $0.events } }
        var lastMetadata: Metadata? { state.withLock { $0.metadata.last } }
    }

    let log: Log

    static func method(
        _ name: String, _ verb: String, _ template: String, body: String = "", type: CallType = .unary
    ) -> MethodDescriptor {
        MethodDescriptor(
            service: "test.Fake", name: name, callType: type, requestType: Google_Protobuf_Struct.self,
            responseType: Google_Protobuf_Struct.self,
            http: HTTPRule(verb: verb, template: template, body: body), policy: .open)
    }

    static let get = method("Get", "GET", "/v1/things/{id}")
    static let list = method("List", "GET", "/v1/things")
    static let create = method("Create", "POST", "/v1/things", body: "*")
    static let update = method("Update", "PATCH", "/v1/things/{thing.id}", body: "thing")
    static let approve = method("Approve", "POST", "/v1/things/{id}:approve", body: "*")
    static let fail = method("Fail", "POST", "/v1/fail", body: "*")
    static let slow = method("Slow", "POST", "/v1/slow", body: "*")
    static let watch = method("Watch", "GET", "/v1/things/{id}/events", type: .serverStreaming)
    static let forever = method("Forever", "GET", "/v1/forever", type: .serverStreaming)
    static let breaking = method("Breaking", "GET", "/v1/breaking", type: .serverStreaming)
    static let refusing = method("Refusing", "GET", "/v1/refusing", type: .serverStreaming)

    func register(in router: inout Router) {
        let log = log
        for method in [Self.get, Self.list, Self.create, Self.update, Self.approve] {
            router.unary(method) { (request: Google_Protobuf_Struct, context: ServerContext) in
                log.note(context.metadata)
                context.setInitialMetadata("x-handler", method.name)
                context.setTrailer("x-end", method.name)
                var answer = request
                answer.fields["method"] = .string(method.name)
                return answer
            }
        }
        router.unary(Self.fail) { (request: Google_Protobuf_Struct, context: ServerContext) -> Google_Protobuf_Struct in
            context.setInitialMetadata("x-handler", "Fail")
            guard case .stringValue(let name)? = request.fields["code"]?.kind, let code = Status.Code(name: name) else {
                throw Unexpected()
            }
            var status = Status(code, "As you wished: \"\(name)\".")
            status.details.errorInfo = .init(reason: "WISHED", domain: "test")
            status.details.fieldViolations = [.init(field: "code", description: "says so")]
            if code == .unavailable { status.details.retryAfter = .milliseconds(2500) }
            throw status
        }
        router.unary(Self.slow) { (request: Google_Protobuf_Struct, _: ServerContext) in
            try await Task.sleep(for: .seconds(60))
            return request
        }
        registerStreams(in: &router)
    }

    private func registerStreams(in router: inout Router) {
        let log = log
        typealias Events = ResponseWriter<Google_Protobuf_Struct>
        router.serverStreaming(Self.watch) {
            (request: Google_Protobuf_Struct, events: Events, context: ServerContext) in
            context.setInitialMetadata("x-handler", "Watch")
            for number in 1...3 {
                var event = request
                event.fields["number"] = .number(Double(number))
                try await events.write(event)
            }
        }
        router.serverStreaming(Self.forever) { (_: Google_Protobuf_Struct, events: Events, _: ServerContext) in
            log.note("forever started")
            defer { log.note("forever ended") }
            try await events.write(Google_Protobuf_Struct())
            try await Task.sleep(for: .seconds(60))
        }
        router.serverStreaming(Self.breaking) { (_: Google_Protobuf_Struct, events: Events, _: ServerContext) in
            try await events.write(Google_Protobuf_Struct())
            throw Status.dataLoss("It broke.", reason: "BROKE")
        }
        router.serverStreaming(Self.refusing) { (_: Google_Protobuf_Struct, _: Events, context: ServerContext) in
            context.setInitialMetadata("x-handler", "Refusing")
            throw Status.unauthenticated("Send a key.", reason: "KEY_MISSING")
        }
    }

    struct Unexpected: Error {}
}

extension Google_Protobuf_Value {
    static func string(_ text: String) -> Google_Protobuf_Value {
        var value = Google_Protobuf_Value()
        value.kind = .stringValue(text)
        return value
    }
    static func number(_ number: Double) -> Google_Protobuf_Value {
        var value = Google_Protobuf_Value()
        value.kind = .numberValue(number)
        return value
    }
}
