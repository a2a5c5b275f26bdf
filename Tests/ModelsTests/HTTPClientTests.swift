import Models
import Support
import Testing

@Suite struct HTTPClientTests {
    @Test func aRequestComesBackWhole() async throws {
        let server = try FakeModelServer { request in
            #expect(request.headers["x-test"] == "1")
            return .init("{\"size\":", "\(request.body.count)}")
        }
        let client = HTTPClient()
        let body = [UInt8](repeating: 65, count: 300_000)
        let response = try await client.send(
            HTTPRequest(.post, server.url + "/x", headers: [("X-Test", "1")], body: body))
        #expect(response.status == 200)
        #expect(response.header("content-type") == "application/json")
        #expect(String(decoding: response.body, as: UTF8.self) == "{\"size\":300000}")
    }

    @Test func manyRequestsShareOneThread() async throws {
        let server = try FakeModelServer { request in .init(String(decoding: request.body, as: UTF8.self)) }
        let client = HTTPClient()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let response = try await client.send(
                        HTTPRequest(.post, server.url, body: Array("\(number)".utf8)))
                    return String(decoding: response.body, as: UTF8.self) == "\(number)"
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test func nobodyListening() async throws {
        let server = try FakeModelServer { _ in .init("") }
        server.stop()
        await #expect(throws: HTTPError.self) { _ = try await HTTPClient().send(HTTPRequest(.get, server.url)) }
        let client = HTTPClient()
        do { _ = try await client.send(HTTPRequest(.get, server.url)) } catch { #expect(error.code == .connect) }
    }

    @Test func slowAnswersTimeOut() async throws {
        let server = try FakeModelServer { _ in
            var reply = FakeModelServer.Reply("late")
            reply.delayMilliseconds = 2_000
            return reply
        }
        let client = HTTPClient()
        var limits = HTTPRequest.Limits.defaults
        limits.totalMilliseconds = 150
        do {
            _ = try await client.send(HTTPRequest(.get, server.url, limits: limits))
            Issue.record("no timeout")
        } catch { #expect(error.code == .timeout) }
    }

    @Test func largeAnswersAreCutOff() async throws {
        let server = try FakeModelServer { _ in .init(String(repeating: "x", count: 100_000)) }
        let client = HTTPClient()
        var limits = HTTPRequest.Limits.defaults
        limits.responseBytes = 50_000
        do {
            _ = try await client.send(HTTPRequest(.get, server.url, limits: limits))
            Issue.record("no limit")
        } catch { #expect(error.code == .tooLarge) }
    }

    @Test func brokenConnectionsAreErrors() async throws {
        let server = try FakeModelServer { _ in
            var reply = FakeModelServer.Reply("half")
            reply.breakOff = true
            return reply
        }
        do {
            _ = try await HTTPClient().send(HTTPRequest(.get, server.url))
            Issue.record("no error")
        } catch {}
    }

    @Test func cancellingEndsTheTransfer() async throws {
        let server = try FakeModelServer { _ in
            var reply = FakeModelServer.Reply("late")
            reply.delayMilliseconds = 3_000
            return reply
        }
        let client = HTTPClient()
        let task = Task { try await client.send(HTTPRequest(.get, server.url)) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        let result = await task.result
        if case .failure(let error) = result {
            #expect((error as? HTTPError)?.code == .cancelled)
        } else {
            Issue.record("the transfer was not cancelled")
        }
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "nonsense", "http://"])
    func onlyHTTPIsSpoken(_ url: String) async throws {
        await #expect(throws: HTTPError.self) { _ = try await HTTPClient().send(HTTPRequest(.get, url)) }
    }

    @Test func headersCannotBeInjected() async throws {
        let server = try FakeModelServer { _ in .init("") }
        let request = HTTPRequest(.get, server.url, headers: [("A", "b\r\nC: d")])
        let client = HTTPClient()
        await #expect(throws: HTTPError.self) { _ = try await client.send(request) }
    }

    @Test func aClosedClientRefuses() async throws {
        let server = try FakeModelServer { _ in .init("") }
        let client = HTTPClient()
        client.close()
        do { _ = try await client.send(HTTPRequest(.get, server.url)) } catch { #expect(error.code == .closed) }
    }
}
