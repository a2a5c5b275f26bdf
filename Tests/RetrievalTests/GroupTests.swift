import Bytes
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Documents and collections that are limited to groups: who lacks the group sees neither bytes nor counts nor citations,
/// and cannot tell what is hidden from what never was.
@Suite struct GroupTests {
    private static let secret = "Le salaire de la directrice est de neuf mille francs."
    private static let open = "Le salaire minimum est fixé par la loi."

    private func about(groups: [String]) -> Ragdz_V1_DocumentAttributes {
        var attributes = Ragdz_V1_DocumentAttributes()
        attributes.groups = groups
        return attributes
    }

    private func limit(
        _ id: String, to groups: [String], _ fixture: RetrievalFixture
    ) async throws -> Ragdz_V1_Document {
        var request = Ragdz_V1_UpdateDocumentRequest()
        request.id = id
        request.attributes = about(groups: groups)
        request.updateMask = Google_Protobuf_FieldMask(paths: ["groups"])
        return try await fixture.service.updateDocument(request, context: fixture.context())
    }

    private func collection(_ id: String, _ fixture: RetrievalFixture) async throws -> Ragdz_V1_Collection {
        var request = Ragdz_V1_GetCollectionRequest()
        request.id = id
        return try await fixture.service.getCollection(request, context: fixture.context())
    }

    private func documents(_ collection: String, _ fixture: RetrievalFixture) async throws -> [String] {
        var request = Ragdz_V1_ListDocumentsRequest()
        request.collection = collection
        return try await fixture.service.listDocuments(request, context: fixture.context()).documents.map(\.id)
    }

    @Test func aLimitedDocumentIsThereForItsGroupsAlone() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let (member, outsider) = (admin.member(of: "hr"), admin.member(of: "legal"))
        try await admin.createCollection("pay")
        let open = try await admin.upload(Array(Self.open.utf8), to: "pay", filename: "open.txt")
        let secret = try await member.upload(
            Array(Self.secret.utf8), to: "pay", filename: "secret.txt", about: about(groups: ["hr"]))
        for sees in [admin, member] {
            #expect(try await sees.search("salaire de la directrice").map(\.documentID).contains(secret.id))
            #expect(try await collection("pay", sees).documentCount == 2)
            #expect(try await Set(documents("pay", sees)) == [open.id, secret.id])
            #expect(try await sees.text(secret.id).text == Self.secret)
        }
        let absent = UUID128.v4().description
        for blind in [outsider, admin.member()] {
            #expect(try await blind.search("salaire de la directrice", limit: 100).map(\.documentID) == [open.id])
            #expect(try await collection("pay", blind).documentCount == 1)
            #expect(try await collection("pay", blind).chunkCount == Int64(open.chunkCount))
            #expect(try await documents("pay", blind) == [open.id])
            for call in blind.documentCalls {
                let hidden = await status { try await call(secret.id) }
                let missing = await status { try await call(absent) }
                #expect(hidden?.code == .notFound)
                #expect(hidden == missing)
            }
            for event in try await blind.ask("salaire de la directrice", extractive: true) {
                #expect(!"\(event)".contains("directrice est") && !"\(event)".contains(secret.id))
            }
            var evaluation = Ragdz_V1_EvaluateRequest()
            var asked = Ragdz_V1_EvaluationCase()
            asked.question = "salaire de la directrice"
            asked.documentIds = [secret.id]
            evaluation.cases = [asked]
            let report = try await blind.service.evaluate(evaluation, context: blind.context())
            #expect(report.figures.allSatisfy { $0.legs.allSatisfy { $0.recallAt10?.mean == 0 } })
        }
        let sources = RetrievalSources(admin.service)
        let passages = try await sources.passages(about: "salaire", in: ["pay"], limit: 10, tenant: admin.tenant)
        #expect(passages.map(\.documentID.description) == [open.id], "a run makes what every key may read")
    }

    @Test func scoresSayNothingOfWhatIsHidden() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await admin.createCollection("pay")
        _ = try await admin.upload(Array(Self.open.utf8), to: "pay", filename: "open.txt")
        let before = try await admin.member().search("salaire loi")
        for number in 0..<5 {
            _ = try await admin.upload(
                Array("Salaire numéro \(number) selon la loi.".utf8), to: "pay", filename: "s\(number).txt",
                about: about(groups: ["hr"]))
        }
        #expect(try await admin.member().search("salaire loi") == before)
        #expect(try await admin.search("salaire loi") != before)
    }

    @Test func aLimitedCollectionAndItsNameAreHidden() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let blind = admin.member(of: "hr")
        let hidden = try await admin.createCollection("plans", groups: ["board"])
        let document = try await admin.upload(Array(Self.secret.utf8), to: hidden.id, filename: "a.txt")
        for call in blind.collectionCalls {
            let answer = await status { try await call(hidden.id) }
            let missing = await status { try await call(UUID128.v4().description) }
            let named = await status { try await call("plans") }
            #expect(answer?.code == .notFound)
            #expect(answer == missing && named == missing)
        }
        for call in blind.documentCalls { #expect(await status { try await call(document.id) }?.code == .notFound) }
        #expect(try await blind.search("directrice").isEmpty)
        // The name is free for who cannot see it, and ambiguous for who then sees both.
        let own = try await blind.createCollection("plans")
        #expect(try await collection("plans", blind).id == own.id)
        #expect(await status { try await collection("plans", admin) }?.reason == "COLLECTION_AMBIGUOUS")
        #expect(try await collection(hidden.id, admin).groups == ["board"])
    }

    @Test func theSameBytesTellNothing() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let blind = admin.member()
        try await admin.createCollection("pay")
        let bytes = Array(Self.secret.utf8)
        let first = try await admin.upload(bytes, to: "pay", filename: "a.txt")
        _ = try await limit(first.id, to: ["hr"], admin)
        let second = try await blind.upload(bytes, to: "pay", filename: "a.txt")
        #expect(!second.duplicate && second.id != first.id)
        let third = try await admin.upload(bytes, to: "pay", filename: "a.txt", about: about(groups: ["hr"]))
        #expect(third.duplicate && third.id == first.id)
        let refused = await status { try await limit(first.id, to: [], admin) }
        #expect(refused?.reason == "DOCUMENT_EXISTS")
    }

    @Test func nobodyLimitsToAGroupThatItLacks() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let member = admin.member(of: "hr")
        try await admin.createCollection("pay")
        let document = try await member.upload(
            Array(Self.open.utf8), to: "pay", filename: "a.txt", about: about(groups: ["hr"]))
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await limit(document.id, to: ["board"], member) },
            { _ = try await limit(document.id, to: ["board", "hr"], member) },
            { _ = try await member.createCollection("x", groups: ["board"]) },
            {
                _ = try await member.upload(
                    Array(Self.secret.utf8), to: "pay", filename: "b.txt", about: about(groups: ["board"]))
            },
        ]
        for call in calls { #expect(await status { try await call() }?.reason == "GROUP_NOT_HELD") }
        #expect(try await limit(document.id, to: [], member).attributes?.groups == [])
        #expect(await status { try await limit(document.id, to: ["UPPER"], admin) }?.reason == "GROUPS_INVALID")
    }

    @Test func theNextQuerySeesAChange() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let blind = admin.member()
        let made = try await admin.createCollection("pay")
        let document = try await admin.upload(Array(Self.secret.utf8), to: "pay", filename: "a.txt")
        for _ in 0..<3 {
            #expect(try await blind.search("directrice").count == 1)
            _ = try await limit(document.id, to: ["hr"], admin)
            #expect(try await blind.search("directrice").isEmpty)
            _ = try await limit(document.id, to: [], admin)
            #expect(try await blind.search("directrice").count == 1)
            var request = Ragdz_V1_UpdateCollectionRequest()
            request.id = made.id
            request.groups = ["hr"]
            _ = try await admin.service.updateCollection(request, context: admin.context())
            #expect(try await blind.search("directrice").isEmpty)
            request.groups = []
            _ = try await admin.service.updateCollection(request, context: admin.context())
        }
        let rows = try await admin.test.asOwner(
            "select action from ragdz.audit_log where tenant_id = $1 and action like '%.groups' order by action",
            [admin.tenant])
        let actions: [String] = try rows.map { try $0.get("action") }
        let each = ["collection.groups", "document.groups"].flatMap { [String](repeating: $0, count: 6) }
        #expect(actions == each)
    }

    /// Whatever the code above it asks: the database itself shows an identity without the group none of the rows.
    @Test func theDatabaseItselfHidesTheRows() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await admin.createCollection("pay")
        _ = try await admin.upload(
            Array(Self.secret.utf8), to: "pay", filename: "a.txt", about: about(groups: ["hr"]))
        _ = try await admin.createCollection("hidden", groups: ["hr"])
        _ = try await admin.upload(Array(Self.open.utf8), to: "hidden", filename: "b.txt")
        for table in ["documents", "chunks", "chunk_vectors", "shelves"] {
            let count = Statement(name: "count.\(table)", sql: "select count(*) as n from ragdz.\(table)")
            func seen(_ groups: AccessGroups) async throws -> Int {
                try await admin.test.database.query(count, as: .tenant(admin.tenant, groups: groups))[0].get("n")
            }
            #expect(try await seen(.none) == 0, "\(table)")
            #expect(try await seen(AccessGroups(["legal"])) == 0, "\(table)")
            #expect(try await seen(AccessGroups(["hr", "legal"])) == 2, "\(table)")
            #expect(try await seen(.all) == 2, "\(table)")
        }
        let move = Statement(name: "move", sql: "update ragdz.documents set groups = '{}'")
        #expect(try await admin.test.database.execute(move, as: .tenant(admin.tenant)) == 0)
        let remove = Statement(name: "remove", sql: "delete from ragdz.documents")
        #expect(try await admin.test.database.execute(remove, as: .tenant(admin.tenant)) == 0)
    }

    private static let tables = ["documents", "chunks", "chunk_vectors", "shelves"]

    /// How many rows of the table the database shows.
    private func rows(
        _ table: String, _ admin: RetrievalFixture, as groups: AccessGroups = .none
    ) async throws -> Int {
        let count = Statement(name: "rows.\(table)", sql: "select count(*) as n from ragdz.\(table)")
        return try await admin.test.database.query(count, as: .tenant(admin.tenant, groups: groups))[0].get("n")
    }

    /// A collection's groups hold for what stands in it, from the statement on that changes them, and nobody else changes them there.
    @Test func aCollectionsGroupsReachWhatStandsInIt() async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        let made = try await admin.createCollection("pay")
        _ = try await admin.upload(Array(Self.secret.utf8), to: "pay", filename: "a.txt")
        for groups in [["hr"], [], ["hr", "legal"]] {
            var request = Ragdz_V1_UpdateCollectionRequest()
            request.id = made.id
            request.groups = groups
            _ = try await admin.service.updateCollection(request, context: admin.context())
            for table in Self.tables {
                #expect(try await rows(table, admin) == (groups.isEmpty ? 1 : 0), "\(table) \(groups)")
                #expect(try await rows(table, admin, as: AccessGroups(["hr"])) == 1, "\(table) \(groups)")
            }
        }
        let open = Statement(name: "open", sql: "update ragdz.documents set collection_groups = '{}', title = 'x'")
        let all = Identity.tenant(admin.tenant, groups: .all)
        #expect(try await admin.test.database.execute(open, as: all) == 1)
        #expect(try await rows("documents", admin) == 0)
        // A chunk stands where its document does.
        _ = try await admin.createCollection("open")
        _ = try await admin.upload(Array(Self.open.utf8), to: "open", filename: "b.txt")
        for table in ["chunks", "chunk_vectors"] {
            let move = Statement(
                name: "move.\(table)",
                sql: """
                    update ragdz.\(table) set shelf_id = (select id from ragdz.shelves where collection_groups = '{}')
                    where collection_id = $1
                    """)
            await #expect(throws: PostgresError.self) {
                try await admin.test.database.execute(move, [UUID128(made.id)], as: all)
            }
        }
    }

    private static let insert = Statement(
        name: "insert",
        sql: """
            insert into ragdz.documents (
                tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count,
                page_count, page_starts, sha256, content, chunk_count, analyzer_version)
            select tenant_id, gen_random_uuid(), id, 'a', 'a', 'text/plain', 'fr', 1, 1, 0, '{}', repeat('0', 64), 'a', 0, 1
            from ragdz.collections
            """)
    private static let limit = Statement(name: "limit", sql: "update ragdz.collections set groups = '{hr}'")

    /// A document that comes while its collection is limited to a group is limited too, whichever of both is first.
    @Test(arguments: [true, false]) func aDocumentComesWhileItsCollectionIsLimited(changesFirst: Bool) async throws {
        let admin = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await admin.createCollection("pay")
        let (first, second) = changesFirst ? (Self.limit, Self.insert) : (Self.insert, Self.limit)
        let database = admin.test.database
        let all = Identity.tenant(admin.tenant, groups: .all)
        let other = try await database.transaction(as: all) { transaction in
            _ = try await transaction.execute(first)
            let other = Task { try await database.execute(second, as: all) }
            // Until it waits for this transaction, as it has to.
            for _ in 0..<6_000 {
                let waiting = try await admin.test.asOwner(
                    """
                    select count(*) as n from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'
                    """)
                if try waiting[0].get("n", as: Int.self) > 0 { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            return other
        }
        #expect(try await other.value == 1)
        for table in ["documents", "shelves"] {
            #expect(try await rows(table, admin) == 0, "\(table)")
            #expect(try await rows(table, admin, as: AccessGroups(["hr"])) == 1, "\(table)")
        }
    }
}
