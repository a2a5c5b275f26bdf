import Bridge
import Foundation
import ProtoRuntime
import RPC
import Schema
import Testing

@testable import struct Bridge.RouteTable

/// The real contract over HTTP: its routes, uploads and numbered events.
@Suite struct ContractTests {
    private func router(_ log: FakeService.Log = .init()) -> Router {
        var router = Router()
        router.add(FakeUploads(log: log))
        return router
    }

    private func temporaryFile(_ size: Int) throws -> String {
        let path = NSTemporaryDirectory() + "ragdz-upload-\(UUID().uuidString)"
        try Data(repeating: 65, count: size).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func everyMethodOfTheContractHasARouteThatTheBridgeServes() {
        let services = [
            Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
            Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor, Ragdz_V1_Operators.descriptor,
        ]
        let methods = services.flatMap(\.methods)
        let table = RouteTable(methods)
        #expect(table.unsupported.isEmpty)
        for method in methods {
            #expect(table.entries.contains { $0.method.path == method.path }, "\(method.path) has no route")
        }
    }

    @Test func bytesAreStreamedToTheMethod() async throws {
        let file = try temporaryFile(3_000_000)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let log = FakeService.Log()
        try await BridgeUnderTest.run(router(log)) { client in
            let answer = try await client.curl(
                "-H", "Content-Type: text/plain", "--data-binary", "@\(file)",
                path: "/v1/collections/my%20law/documents?filename=%D8%B9.txt&title=T")
            #expect(answer.status == 200)
            let document = try Ragdz_V1_Document(json: answer.body)
            #expect(document.byteSize == 3_000_000)
            #expect(document.collectionID == "my law")
            #expect(document.filename == "ع.txt")
            #expect(document.title == "T")
            #expect(document.mediaType == "text/plain")
            #expect(log.events == ["stored 3000000"])
        }
    }

    @Test func uploadsOverTheLimitAreNeverStored() async throws {
        let file = try temporaryFile(50 << 20)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let log = FakeService.Log()
        try await BridgeUnderTest.run(router(log)) { client in
            let path = "/v1/collections/c/documents?filename=x.txt"
            let known = try await client.curl("--data-binary", "@\(file)", path: path)
            #expect(known.status == 413)
            let chunked = try await client.curl(
                "-T", file, "-X", "POST", "-H", "Transfer-Encoding: chunked", path: path)
            #expect(chunked.status == 413)
            let nameless = try await client.curl("--data-binary", "x", path: "/v1/collections/c/documents")
            #expect(nameless.status == 400)
            #expect(nameless.body.contains("FILENAME_REQUIRED"))
            let form = try await client.curl("-F", "file=x", path: path)
            #expect(form.status == 415)
            #expect(log.events.isEmpty)
        }
    }

    @Test func eventsOfARunCarryTheirOwnNumbers() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let all = try await client.curl(path: "/v1/runs/r1/events?after_sequence=1")
            #expect(!all.body.contains("id: 1\n"))
            for number in 2...4 { #expect(all.body.contains("id: \(number)\nevent: step.started\n")) }
            #expect(all.body.contains("id: 5\nevent: run.succeeded\ndata: {\"runId\":\"r1\""))
            let resumed = try await client.curl("-H", "Last-Event-ID: 3", path: "/v1/runs/r1/events?after_sequence=1")
            #expect(!resumed.body.contains("id: 3\n"), "the newer position wins")
            #expect(resumed.body.contains("id: 4\n"))
        }
    }

    @Test func aPatchChangesWhatItNames() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let implied = try await client.curl(
                "-X", "PATCH", "-d", #"{"name":"N","default_language":"ar","id":"other"}"#, path: "/v1/tenants/t1")
            let tenant = try Ragdz_V1_Tenant(json: implied.body)
            #expect(tenant.id == "t1", "the path wins over the body")
            #expect(tenant.suspendReason == "default_language+name")
            let named = try await client.curl(
                "-X", "PATCH", "-d", #"{"name":"N"}"#, path: "/v1/tenants/t1?update_mask=name,plan")
            #expect(try Ragdz_V1_Tenant(json: named.body).suspendReason == "name+plan")
            let unknown = try await client.curl("-X", "PATCH", "-d", #"{"nope":1}"#, path: "/v1/tenants/t1")
            #expect(unknown.status == 400)
        }
    }

    @Test func connectClientsCallMethodsByTheirName() async throws {
        try await BridgeUnderTest.run(router()) { client in
            let path = "/ragdz.v1.Tenants/UpdateTenant"
            let json = "Content-Type: application/json"
            let answer = try await client.curl("-H", json, "-d", #"{"tenant":{"id":"t1"}}"#, path: path)
            #expect(answer.status == 200)
            #expect(try Ragdz_V1_Tenant(json: answer.body).id == "t1")
            let broken = try await client.curl("-H", json, "-d", "{", path: path)
            #expect(broken.status == 400)
            #expect(broken.body.hasPrefix(#"{"code":"invalid_argument","message":"#))
            #expect(try await client.curl("-d", "{}", path: path).status == 415)
            #expect(try await client.curl(path: path).status == 405)
            let late = try await client.curl("-H", json, "-H", "connect-timeout-ms: 0", "-d", "{}", path: path)
            #expect(late.status == 504)
            let stream = try await client.curl("-H", json, "-d", "{}", path: "/ragdz.v1.Workflows/WatchRun")
            #expect(stream.status == 501)
            #expect(try await client.curl("-H", json, "-d", "{}", path: "/ragdz.v1.Nope/X").status == 404)
        }
    }
}
