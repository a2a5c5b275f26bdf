import ProtoRuntime
import RPC

typealias Text = Google_Protobuf_StringValue
typealias Number = Google_Protobuf_Int64Value

/// A service of well-known types, so that the transport is tested without any generated service.
struct EchoService: RPCService {
    static func method(
        _ name: String, _ type: CallType, idempotency: Idempotency = .unknown
    ) -> MethodDescriptor {
        MethodDescriptor(
            service: "test.Echo", name: name, callType: type, requestType: Text.self, responseType: Text.self,
            policy: .open, idempotency: idempotency)
    }

    static let unary = method("Unary", .unary, idempotency: .noSideEffects)
    static let fail = method("Fail", .unary)
    static let sleep = method("Sleep", .unary)
    static let count = method("Count", .serverStreaming)
    static let join = method("Join", .clientStreaming)
    static let chat = method("Chat", .bidirectional)
    static let whoami = method("WhoAmI", .unary)
    static let big = method("Big", .serverStreaming)

    let journal: Journal

    func register(in router: inout Router) {
        router.unary(Self.unary) { (request: Text, context) in
            if let value = context.metadata["x-echo"] { context.setTrailer("x-echo", value) }
            if let bytes = context.metadata.bytes("x-echo-bin") {
                context.setInitialMetadata("x-size", "\(bytes.count)")
            }
            return request
        }
        router.unary(Self.fail) { (request: Text, _) -> Text in
            if request.value == "internal" { throw UnexpectedFailure() }
            throw Status.invalidArgument(
                "Nom « \(request.value) » refusé: 100%", reason: "TEST_REFUSED", field: "value")
        }
        router.unary(Self.sleep) { [journal] (request: Text, _) in
            await journal.note("sleep began")
            do {
                try await Task.sleep(for: .seconds(30))
            } catch {
                await journal.note("sleep cancelled")
                throw error
            }
            return request
        }
        router.unary(Self.whoami) { (_: Text, context) in Text(context.peerNames.first ?? "nobody") }
        router.serverStreaming(Self.count) { (request: Text, responses: ResponseWriter<Text>, _) in
            for number in 0..<(Int(request.value) ?? 0) { try await responses.write(Text("\(number)")) }
        }
        router.clientStreaming(Self.join) { (requests: RequestStream<Text>, _) in
            var joined = ""
            var count = 0
            for try await request in requests {
                count += 1
                if joined.utf8.count < 1000 { joined += request.value }
            }
            return Text("\(count):\(joined)")
        }
        router.bidirectional(Self.chat) { (requests: RequestStream<Text>, responses: ResponseWriter<Text>, _) in
            for try await request in requests { try await responses.write(Text("re: \(request.value)")) }
        }
        router.serverStreaming(Self.big) { [journal] (request: Text, responses: ResponseWriter<Text>, _) in
            let text = Text(String(repeating: "x", count: 10_000))
            do {
                for number in 0..<(Int(request.value) ?? 0) {
                    try await responses.write(text)
                    await journal.count("written", number + 1)
                }
            } catch {
                await journal.note("big stopped")
                throw error
            }
        }
    }
}

struct UnexpectedFailure: Error {}

/// What handlers did, for tests to wait for.
actor Journal {
    private var notes: [String] = []
    private var counters: [String: Int] = [:]

    func note(_ text: String) { notes.append(text) }
    func count(_ name: String, _ value: Int) { counters[name] = value }
    func value(_ name: String) -> Int { counters[name] ?? 0 }
    func has(_ text: String) -> Bool { notes.contains(text) }

    /// Polls until the note is there; false after two seconds.
    func waits(for text: String) async -> Bool {
        for _ in 0..<36_000 {
            if has(text) { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}
