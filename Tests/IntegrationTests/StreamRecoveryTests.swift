import Foundation
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema
import Support
import Synchronization
import Testing

/// Ask and WatchRun go on after a SIGKILL of the server: what the client hears is what it would have heard without.
@Suite(.serialized) struct StreamRecoveryTests {
    static let text = """
        # The commercial register in Algeria

        Every trader must be entered in the commercial register before starting an activity. The register is kept by the
        Centre national du registre du commerce, known as CNRC. The entry costs a fixed fee, and the extract is
        delivered within twenty-four hours.
        """

    /// A tenant with one document, and a client that reaches the server wherever it listens at the moment.
    struct Stage {
        let server: RunningServer
        let proxy: FaultyProxy
        let client: RPCClient
        let caller: ServerCaller
        let key: String

        init(_ server: RunningServer) async throws {
            self.server = server
            proxy = try await FaultyProxy(upstream: { server.rpc.split(separator: ":").last.flatMap { Int($0) } ?? 1 })
            caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant: Ragdz_V1_Tenant = try await caller.get(
                Ragdz_V1_Tenants.Methods.createTenant, #"{"slug":"acme","name":"Acme","region":"REGION_DZ"}"#,
                key: platform)
            let made: Ragdz_V1_KeyWithSecret = try await caller.get(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"k","scopes":["*"],"tenantId":"\#(tenant.id)"}"#,
                key: platform)
            key = made.secret
            let _: Ragdz_V1_Collection = try await caller.get(
                Ragdz_V1_Retrieval.Methods.createCollection, #"{"name":"law"}"#, key: key)
            let data = Data(StreamRecoveryTests.text.utf8).base64EncodedString()
            let _: Ragdz_V1_Document = try await caller.get(
                Ragdz_V1_Retrieval.Methods.uploadDocument,
                #"{"header":{"collection":"law","filename":"register.md"}}"# + "\n" + #"{"data":"\#(data)"}"#, key: key)
            var configuration = RPCClient.Configuration.defaults
            configuration.metadata.add("authorization", "Bearer \(key)")
            configuration.retry.maximumResumptions = 100
            configuration.retry.backoff.maximum = .milliseconds(500)
            configuration.backoff.maximum = .milliseconds(500)
            client = RPCClient(
                .host("127.0.0.1", port: proxy.port), configuration: configuration,
                group: MultiThreadedEventLoopGroup.singleton)
        }

        func restart() async throws {
            await server.kill()
            try await server.start()
        }

        func close() async {
            await client.close()
            await caller.close()
            await proxy.stop()
        }
    }

    static func question() -> Ragdz_V1_AskRequest {
        var request = Ragdz_V1_AskRequest()
        request.question = "Who keeps the commercial register?"
        request.collections = ["law"]
        request.extractive = true
        return request
    }

    /// An answer's events; how long it took is no part of them.
    static func plain(_ event: Ragdz_V1_AskEvent) -> Ragdz_V1_AskEvent {
        guard case .usage(var usage) = event.event else { return event }
        usage.elapsedMicros = 0
        var copy = event
        copy.event = .usage(usage)
        return copy
    }

    @Test func streamsOutliveTheirServer() async throws {
        try await RunningServer.with { server in
            let stage = try await Stage(server)
            let retrieval = Ragdz_V1_Retrieval.Client(stage.client)
            var whole: [Ragdz_V1_AskEvent] = []
            for try await event in try await retrieval.ask(Self.question()) { whole.append(Self.plain(event)) }
            #expect(whole.count > 3)

            let run: Ragdz_V1_Run = try await stage.caller.get(
                Ragdz_V1_Workflows.Methods.startRun,
                #"{"workflow":"brief","requestId":"r","input":{"topic":"the commercial register","collection":"law"}}"#,
                key: stage.key)
            var watch = Ragdz_V1_WatchRunRequest()
            watch.id = run.id
            let events = try await Ragdz_V1_Workflows.Client(stage.client).watchRun(watch)
            var watching = events.makeAsyncIterator()
            var seen: [Ragdz_V1_RunEvent] = []
            while let event = try await watching.next() {
                seen.append(event)
                if event.type == "step.waiting" || event.type.contains("approval") { break }
            }

            // The answer is cut after its sources, then the server dies; twice.
            for cut in [1, 2] {
                let answer = try await retrieval.ask(Self.question())
                var asking = answer.makeAsyncIterator()
                var heard: [Ragdz_V1_AskEvent] = []
                while heard.count < cut, let event = try await asking.next() { heard.append(Self.plain(event)) }
                try await stage.restart()
                while let event = try await asking.next() { heard.append(Self.plain(event)) }
                #expect(heard == whole)
            }

            let caller = try ServerCaller(server)
            let _: Ragdz_V1_Run = try await caller.get(
                Ragdz_V1_Workflows.Methods.approve, #"{"id":"\#(run.id)","stepId":"approve","approved":true}"#,
                key: stage.key)
            while let event = try await watching.next() { seen.append(event) }
            #expect(seen.map(\.sequence) == Array(1...Int64(seen.count)), "no gap, no repeat")
            #expect(seen.last?.type == "run.succeeded")
            await caller.close()
            await stage.close()
        }
    }

    /// The connection is cut after every so many bytes of an answer: the answer is always the same.
    @Test func answersComeWholeOverConnectionsThatBreak() async throws {
        try await RunningServer.with { server in
            let stage = try await Stage(server)
            var whole: [Ragdz_V1_AskEvent] = []
            let retrieval = Ragdz_V1_Retrieval.Client(stage.client)
            for try await event in try await retrieval.ask(Self.question()) { whole.append(Self.plain(event)) }
            let port = server.rpc.split(separator: ":").last.flatMap { Int($0) } ?? 1
            let size = stage.proxy.bytesPassed
            for cut in stride(from: 60, to: size, by: max(1, size / 40)) {
                let proxy = try await FaultyProxy(to: port) { .init(cutsAfter: $0 == 0 ? cut : nil) }
                var configuration = RPCClient.Configuration.defaults
                configuration.metadata.add("authorization", "Bearer \(stage.key)")
                let client = RPCClient(
                    .host("127.0.0.1", port: proxy.port), configuration: configuration,
                    group: MultiThreadedEventLoopGroup.singleton)
                var heard: [Ragdz_V1_AskEvent] = []
                for try await event in try await Ragdz_V1_Retrieval.Client(client).ask(Self.question()) {
                    heard.append(Self.plain(event))
                }
                #expect(heard == whole, "cut after \(cut) of \(size) bytes")
                await client.close()
                await proxy.stop()
            }
            await stage.close()
        }
    }
}
