import Foundation
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

/// A client that leaves frees everything behind its call: the handler, its database query, its model call.
///
/// What is waited for would last for minutes by itself, so that it ends at all proves that the leaving ended it.
@Suite(.serialized) struct ClientLeavesTests {
    static let prompt = "How does the canary sing?"

    /// Answers embeddings at once, and chats for minutes.
    private func model() throws -> FakeModelServer {
        try FakeModelServer { request in
            if request.path.hasSuffix("/embeddings") {
                return .embeddings(request.input.map { _ in [1, 0, 0, 0, 0, 0, 0, 0] })
            }
            var reply = FakeModelServer.Reply.chat([String](repeating: "word ", count: 20_000))
            reply.delayMilliseconds = 20
            return reply
        }
    }

    private func withStage(
        _ body: (TestDatabase, FakeModelServer, RunningServer, ServerCaller, _ key: String) async throws -> Void
    ) async throws {
        let database = try await TestDatabase.fresh()
        let model = try model()
        defer { model.stop() }
        let environment = [
            "RAGDZ_DATABASE_URL": database.appURL, "RAGDZ_DATABASE_OWNER_URL": database.ownerURL,
            "RAGDZ_EMBEDDINGS_URL": model.url, "RAGDZ_EMBEDDINGS_MODEL": "fake", "RAGDZ_EMBEDDINGS_DIMENSION": "8",
            "RAGDZ_CHAT_URL": model.url, "RAGDZ_CHAT_MODEL": "fake",
        ]
        try await RunningServer.with(environment: environment) { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant: Ragdz_V1_Tenant = try await caller.get(
                Ragdz_V1_Tenants.Methods.createTenant, #"{"slug":"leaver","name":"L","region":"REGION_DZ"}"#,
                key: platform)
            let made: Ragdz_V1_KeyWithSecret = try await caller.get(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"k","scopes":["*"],"tenantId":"\#(tenant.id)"}"#,
                key: platform)
            _ = try await caller.get(
                Ragdz_V1_Retrieval.Methods.createCollection, #"{"name":"birds"}"#, key: made.secret,
                as: Ragdz_V1_Collection.self)
            let text = "The canary sings in the morning. The canary sings a high song."
            _ = try await caller.get(
                Ragdz_V1_Retrieval.Methods.uploadDocument,
                #"{"header":{"collection":"birds","filename":"canary.txt"}}"# + "\n"
                    + #"{"data":"\#(Data(text.utf8).base64EncodedString())"}"#, key: made.secret,
                as: Ragdz_V1_Document.self)
            try await body(database, model, server, caller, made.secret)
            await caller.close()
        }
        await database.close()
    }

    /// Polls; false after twenty seconds.
    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<1000 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    @Test func theModelCallEndsWithItsClient() async throws {
        try await withStage { _, model, server, caller, key in
            let question = #"{"collections":["birds"],"question":"\#(Self.prompt)"}"#
            for leavesByClosing in [false, true] {
                let own = try ServerCaller(server)
                let asking = Task { await own.call(Ragdz_V1_Retrieval.Methods.ask, question, key: key) }
                #expect(try await eventually { model.openReplies == 1 }, "the model is asked")
                let left = ContinuousClock.now
                if leavesByClosing { await own.close() } else { asking.cancel() }
                #expect(try await eventually { model.openReplies == 0 }, "the model call outlives its client")
                print("the model call ended \(ContinuousClock.now - left) after its client left")
                _ = await asking.value
                await own.close()
            }
            // The server goes on.
            let outcome = await caller.call(Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#, key: key)
            #expect(outcome.status == nil)
        }
    }

    @Test func theQueryEndsWithItsClient() async throws {
        try await withStage { database, _, _, caller, key in
            let released = Mutex(false)
            let locked = Mutex(false)
            // Whoever reads chunks waits for this lock, for as long as the test likes.
            let holder = Task {
                try await database.owner.transaction(as: .none) { transaction in
                    _ = try await transaction.execute(
                        Statement(name: "lock", sql: "lock table ragdz.chunks in access exclusive mode"))
                    locked.withLock { $0 = true }
                    while !released.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
                }
            }
            #expect(try await eventually { locked.withLock { $0 } })
            func waiting() async throws -> Int {
                try await database.asOwner(
                    """
                    select pid from pg_stat_activity where datname = current_database() and usename = 'ragdz_app'
                    and wait_event_type = 'Lock'
                    """
                ).count
            }
            let search = #"{"collections":["birds"],"query":"canary"}"#
            let searching = Task { await caller.call(Ragdz_V1_Retrieval.Methods.search, search, key: key) }
            #expect(try await eventually { try await waiting() == 1 }, "the query waits for the lock")
            let left = ContinuousClock.now
            searching.cancel()
            #expect(try await eventually { try await waiting() == 0 }, "the query outlives its client")
            print("the query ended \(ContinuousClock.now - left) after its client left")
            released.withLock { $0 = true }
            try await holder.value
            _ = await searching.value
            let again = await caller.call(Ragdz_V1_Retrieval.Methods.search, search, key: key)
            #expect(again.status == nil, "\(String(describing: again.status))")
        }
    }
}
