import Bridge
import ProtoRuntime
import RPC
import Testing

/// Real requests by curl against a bridge over a router with a service of our own.
@Suite struct BridgeTests {
    private func router(_ log: FakeService.Log = .init()) -> Router {
        var router = Router()
        router.add(FakeService(log: log))
        return router
    }

    private func fields(_ body: String) throws -> [String: Google_Protobuf_Value] {
        try Google_Protobuf_Struct(json: body).fields
    }

    /// What is set before a call fails, such as how much of a limit is left, reaches who was refused too, and who gets a stream.
    @Test func headersOfACallThatFailedArrive() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let refused = try await client.curl("-d", #"{"code":"RESOURCE_EXHAUSTED"}"#, path: "/v1/fail")
            #expect(refused.status == 429 && refused.headers["x-handler"] == "Fail")
            let stream = try await client.curl(path: "/v1/refusing")
            #expect(stream.status == 401 && stream.headers["x-handler"] == "Refusing")
            let events = try await client.curl(path: "/v1/things/a/events")
            #expect(events.status == 200 && events.headers["x-handler"] == "Watch")
            let connect = try await client.curl(
                "-H", "content-type: application/json", "-d", #"{"code":"RESOURCE_EXHAUSTED"}"#, path: "/test.Fake/Fail"
            )
            #expect(connect.status == 429 && connect.headers["x-handler"] == "Fail")
        }
    }

    @Test func partsOfARequestBecomeFields() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let got = try await client.curl(path: "/v1/things/a%2Fb?filter.kind=x&limit=3&open=true")
            #expect(got.status == 200)
            let fields = try fields(got.body)
            #expect(fields["id"] == .string("a/b"))
            #expect(fields["limit"] == .string("3"))
            #expect(got.headers["x-handler"] == "Get")
            #expect(got.headers["content-type"] == "application/json")
            #expect(got.headers["x-content-type-options"] == "nosniff")

            let created = try await client.curl("-d", #"{"name":"عقد","n":1}"#, path: "/v1/things")
            #expect(try self.fields(created.body)["name"] == .string("عقد"))
            let patched = try await client.curl(
                "-X", "PATCH", "-d", #"{"name":"n","id":"other"}"#, path: "/v1/things/t1")
            #expect(patched.status == 200)
            let approved = try await client.curl("-X", "POST", path: "/v1/things/t1:approve")
            #expect(try self.fields(approved.body)["method"] == .string("Approve"))
            #expect(try self.fields(approved.body)["id"] == .string("t1"))
        }
    }

    @Test func headersBecomeMetadata() async throws {
        let log = FakeService.Log()
        try await BridgeUnderTest.run(router(log)) { client in
            let answer = try await client.curl(
                "-H", "Authorization: Bearer k", "-H", "Accept-Language: ar", "-H", "X-Request-Id: r-7", "-H",
                "Cookie: c=1", path: "/v1/things")
            #expect(answer.headers["x-request-id"] == "r-7")
            #expect(log.lastMetadata?["authorization"] == "Bearer k")
            #expect(log.lastMetadata?["accept-language"] == "ar")
            #expect(log.lastMetadata?["cookie"] == nil)
        }
    }

    @Test func errorsAreProblems() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let away = try await client.curl(
                "-H", "Accept-Language: en", "-d", #"{"code":"UNAVAILABLE"}"#, path: "/v1/fail")
            #expect(away.status == 503)
            #expect(away.headers["content-type"] == "application/problem+json")
            #expect(away.headers["retry-after"] == "3")
            #expect(try fields(away.body)["title"] == .string("Service unavailable for the moment"))
            #expect(try fields(away.body)["reason"] == .string("WISHED"))
            let ours = try await client.curl("-d", "{}", path: "/v1/fail")
            #expect(ours.status == 500)
            #expect(!ours.body.contains("Unexpected"), "an internal error never shows")
            let unknown = try await client.curl(path: "/v2/nothing")
            #expect(unknown.status == 404)
            #expect(try fields(unknown.body)["reason"] == .string("NO_SUCH_ROUTE"))
            let key = try await client.curl(path: "/v1/refusing")
            #expect(key.status == 401, "a stream that fails at once has the status of its error")
            #expect(key.headers["www-authenticate"] != nil)
        }
    }

    @Test func otherVerbsAreNamed() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let deleted = try await client.curl("-X", "DELETE", path: "/v1/things")
            #expect(deleted.status == 405)
            #expect(deleted.headers["allow"] == "GET, POST, HEAD, OPTIONS")
            let approved = try await client.curl(path: "/v1/things/t1:approve")
            #expect(approved.status == 405)
            #expect(approved.headers["allow"] == "POST, OPTIONS")
            let options = try await client.curl("-X", "OPTIONS", path: "/v1/things/t1")
            #expect(options.status == 204)
            let head = try await client.curl("--head", path: "/v1/things/t1")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            let health = try await client.curl("-X", "POST", path: "/healthz")
            #expect(health.status == 405)
        }
    }

    @Test func badBodiesAreRefused() async throws {
        let deep = String(repeating: #"{"a":"#, count: 5000) + "1" + String(repeating: "}", count: 5000)
        try await BridgeUnderTest.run(router()) { client in
            for body in ["{", "[]", "{\"a\":1} {}", "{\"a\":\"\u{1}\"}", deep, "nul"] {
                let answer = try await client.curl("-d", body, path: "/v1/things")
                #expect(answer.status == 400, "\(body.prefix(20))")
                #expect(try fields(answer.body)["reason"] == .string("INVALID_JSON"))
            }
            let two = try await client.curl("-X", "PATCH", "-d", #"{},"method":{}"#, path: "/v1/things/t1")
            #expect(two.status == 400)
            let multipart = try await client.curl("-F", "a=b", path: "/v1/things")
            #expect(multipart.status == 415)
            let query = try await client.curl(path: "/v1/things?a=%FF")
            #expect(query.status == 400)
        }
    }

    @Test func largeBodiesAndHeadersAreRefused() async throws {
        var configuration = Bridge.Configuration()
        configuration.limits.jsonBody = 1000
        try await BridgeUnderTest.run(router(), configuration: configuration) { client in
            let large = "{\"a\":\"\(String(repeating: "x", count: 2000))\"}"
            let known = try await client.curl("-d", large, path: "/v1/things")
            #expect(known.status == 413)
            #expect(try fields(known.body)["reason"] == .string("BODY_TOO_LARGE"))
            let chunked = try await client.curl("-H", "Transfer-Encoding: chunked", "-d", large, path: "/v1/things")
            #expect(chunked.status == 413)
            let header = try await client.curl(
                "-H", "x-large: \(String(repeating: "x", count: 40000))", path: "/healthz")
            #expect(header.status == 400 || header.status == 431)
            #expect(try await client.curl(path: "/healthz").status == 200)
        }
    }

    @Test func streamsAreNumberedEvents() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let answer = try await client.curl("--no-buffer", path: "/v1/things/t1/events")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/event-stream; charset=utf-8")
            for number in 1...3 { #expect(answer.body.contains("id: \(number)\nevent: message\ndata: {")) }
            #expect(answer.body.contains("event: end\ndata: {}\n\n"))
            let resumed = try await client.curl("-H", "Last-Event-ID: 41", path: "/v1/things/t1/events")
            #expect(resumed.body.contains(#""after_sequence":"41""#))
            let broken = try await client.curl(path: "/v1/breaking")
            #expect(broken.status == 200)
            #expect(broken.body.contains("event: error\ndata: {\"type\":\"urn:ragdz:problem:BROKE\""))
            #expect(!broken.body.contains("event: end"))
        }
    }

    @Test(.timeLimit(.minutes(5))) func aClientThatLeavesEndsItsCall() async throws {
        let log = FakeService.Log()
        try await BridgeUnderTest.run(router(log)) { client in
            let answer = try await client.curl(until: "data: ", count: 1, path: "/v1/forever")
            #expect(answer.status == 200)
            while !log.events.contains("forever ended") { try await Task.sleep(for: .milliseconds(10)) }
            #expect(log.events == ["forever started", "forever ended"])
            #expect(try await client.curl(path: "/healthz").status == 200)
        }
    }

    @Test func quietStreamsBeat() async throws {
        var configuration = Bridge.Configuration()
        configuration.limits.heartbeat = .milliseconds(100)
        configuration.limits.firstEventGrace = .milliseconds(50)
        try await BridgeUnderTest.run(router(), configuration: configuration) { client in
            let answer = try await client.curl(until: ": heartbeat\n\n", count: 4, path: "/v1/forever")
            #expect(answer.status == 200)
            #expect(answer.body.split(separator: ": heartbeat\n\n", omittingEmptySubsequences: false).count > 4)
        }
    }

    @Test func streamsEndAtTheirDeadline() async throws {
        var configuration = Bridge.Configuration()
        configuration.limits.streamTimeout = .milliseconds(700)
        try await BridgeUnderTest.run(router(), configuration: configuration) { client in
            let answer = try await client.curl(path: "/v1/forever")
            #expect(answer.body.contains("DEADLINE_EXCEEDED"))
        }
    }

    @Test func healthAndReadiness() async throws {
        try await BridgeUnderTest.run(router(), isReady: false) { client in
            #expect(try await client.curl(path: "/healthz").status == 200)
            let ready = try await client.curl(path: "/readyz")
            #expect(ready.status == 503)
            #expect(ready.body.contains(#""database":false"#))
        }
    }

    @Test func onlyAllowedOriginsGetCORSHeaders() async throws {
        let configuration = Bridge.Configuration(allowedOrigins: ["https://app.example"])
        try await BridgeUnderTest.run(router(), configuration: configuration) { client in
            let allowed = try await client.curl(
                "-X", "OPTIONS", "-H", "Origin: https://app.example", path: "/v1/things")
            #expect(allowed.status == 204)
            #expect(allowed.headers["access-control-allow-origin"] == "https://app.example")
            #expect(allowed.headers["access-control-allow-methods"] == "GET, POST, HEAD, OPTIONS")
            let other = try await client.curl("-H", "Origin: https://evil.example", path: "/v1/things")
            #expect(other.headers["access-control-allow-origin"] == nil)
        }
    }
}
