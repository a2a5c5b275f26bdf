import Bytes
import Models
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Room for documents is set aside when their bytes are there, and given back however their ingests end.
@Suite(.timeLimit(.minutes(15))) struct IngestQuotaTests {
    /// A tenant with a row of its own, which quotas bind.
    private func bound(_ limits: [String: Int64]) async throws -> IngestScene {
        let scene = try await IngestScene.make()
        try await scene.test.asOwner(
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ($1, 'bound', 'T', 'DZ', 'Africa/Algiers', 'fr', 'free', 'active', '{}')
            """, [scene.tenant])
        for (quota, limit) in limits {
            try await scene.test.asOwner(
                "insert into ragdz.quota_overrides (tenant_id, quota, allowed) values ($1, $2, $3)",
                [scene.tenant, quota, limit])
        }
        return scene
    }

    private struct Standing: Equatable {
        var used: Int64 = 0
        var reserved: Int64 = 0
    }

    private func standing(_ scene: IngestScene, _ quota: String) async throws -> Standing {
        let rows = try await scene.test.asOwner(
            "select used, reserved from ragdz.quota_usage where tenant_id = $1 and quota = $2", [scene.tenant, quota])
        guard let row = rows.first else { return Standing() }
        return Standing(used: try row.get("used"), reserved: try row.get("reserved"))
    }

    /// The counters say what is there, and nothing is set aside for what has ended but the bytes of what failed and is kept.
    private func checkCounters(_ scene: IngestScene, kept: [Int] = []) async throws {
        let wrong = try await scene.test.asOwner(
            """
            select quota from ragdz.recount_quotas($1, false)
            where used <> used_in_fact or reserved <> reserved_in_fact
                or reserved <> case when quota = 'bytes' then $2::bigint else 0 end
            """, [scene.tenant, Int64(kept.reduce(0, +))])
        #expect(wrong.isEmpty)
        #expect(try await scene.fixture.rows("quota_reservations") == kept.count)
    }

    @Test func whoHasNoRoomIsToldAtTheDoor() async throws {
        let scene = try await bound(["documents": 2])
        let first = try await scene.send(IngestScene.text(2), "a.md")
        let second = try await scene.send(IngestScene.text(3), "b.md")
        #expect(try await standing(scene, "documents") == Standing(used: 0, reserved: 2))
        let refused = await status { try await scene.send(IngestScene.text(4), "c.md") }
        #expect(refused?.code == .resourceExhausted && refused?.reason == "QUOTA_EXCEEDED")
        #expect(refused?.details.errorInfo?.metadata["quota"] == "documents")
        #expect(try await scene.fixture.rows("ingests") == 2, "nothing of the refused one is kept")
        // The same bytes again are no further document.
        #expect(try await scene.send(IngestScene.text(2), "a.md").ingestID == first.ingestID)
        let worker = scene.worker()
        for sent in [first, second] { #expect(try await scene.end(sent.ingestID).state == .succeeded) }
        #expect(try await standing(scene, "documents") == Standing(used: 2))
        #expect(try await standing(scene, "bytes").used == first.byteSize + second.byteSize)
        try await checkCounters(scene)
        withExtendedLifetime(worker) {}
    }

    @Test func aVersionNeedsRoomForItsGrowthAlone() async throws {
        let size = Int64(IngestScene.text(4).count)
        let scene = try await bound(["documents": 1, "bytes": size + 10])
        let worker = scene.worker()
        let first = try await scene.send(IngestScene.text(4), "a.md")
        #expect(try await scene.end(first.ingestID).state == .succeeded)
        let same = try await scene.send(IngestScene.text(4, changed: [1]), "a.md", replaces: first.id)
        #expect(try await scene.end(same.ingestID).state == .succeeded)
        let large = await status { try await scene.send(IngestScene.text(8), "a.md", replaces: first.id) }
        #expect(large?.reason == "QUOTA_EXCEEDED" && large?.details.errorInfo?.metadata["quota"] == "bytes")
        let stored = try await scene.fixture.document(first.id)
        #expect(stored.version == 2)
        #expect(try await standing(scene, "bytes") == Standing(used: stored.byteSize))
        try await checkCounters(scene)
        withExtendedLifetime(worker) {}
    }

    @Test func howeverItEndsItsRoomComesBack() async throws {
        let scene = try await bound(["documents": 3])
        let cancelled = try await scene.send(IngestScene.text(2), "a.md")
        let deleted = try await scene.send(IngestScene.text(3), "b.md")
        #expect(try await standing(scene, "documents").reserved == 2)
        var cancel = Ragdz_V1_CancelIngestRequest()
        cancel.id = cancelled.ingestID
        _ = try await scene.fixture.service.cancelIngest(cancel, context: scene.fixture.context())
        #expect(try await standing(scene, "documents").reserved == 1)
        var delete = Ragdz_V1_DeleteDocumentRequest()
        delete.id = deleted.id
        _ = try await scene.fixture.service.deleteDocument(delete, context: scene.fixture.context())
        try await checkCounters(scene)
        // One that fails gives it back, and has it again when it is tried again.
        let worker = scene.worker()
        scene.watched.fail([ModelError(.wrongDimension, "3"), ModelError(.wrongDimension, "3")])
        let failed = try await scene.send(IngestScene.text(2), "c.md")
        #expect(try await scene.end(failed.ingestID).reason == "EMBEDDINGS_WRONG_DIMENSION")
        // All but the bytes that are kept for it.
        let size = Int64(IngestScene.text(2).count)
        #expect(try await standing(scene, "documents") == Standing())
        #expect(try await standing(scene, "bytes") == Standing(reserved: size))
        let until = try await scene.test.asOwner(
            "select min(expire_time) > clock_timestamp() + interval '23 hours' as late from ragdz.quota_reservations")
        #expect(try until[0].get("late") == true)
        scene.watched.fail([])
        var retry = Ragdz_V1_RetryIngestRequest()
        retry.id = failed.ingestID
        _ = try await scene.fixture.service.retryIngest(retry, context: scene.fixture.context())
        #expect(try await scene.end(failed.ingestID).state == .succeeded)
        #expect(try await standing(scene, "documents") == Standing(used: 1))
        try await checkCounters(scene)
        #expect(try await standing(scene, "bytes") == Standing(used: size))
        // One that is deleted counts no more, nor one whose file cannot be read.
        scene.watched.fail([ModelError(.wrongDimension, "3"), ModelError(.wrongDimension, "3")])
        let given = try await scene.send(IngestScene.text(5), "g.md")
        #expect(try await scene.end(given.ingestID).state == .failed)
        #expect(try await standing(scene, "bytes").reserved == Int64(IngestScene.text(5).count))
        scene.watched.fail([])
        delete.id = given.id
        _ = try await scene.fixture.service.deleteDocument(delete, context: scene.fixture.context())
        let broken = try await scene.send(Array("%PDF-1.4 no more".utf8), "b.pdf")
        #expect(try await scene.end(broken.ingestID).state == .failed)
        try await checkCounters(scene)
        // A collection takes with it what is on its way into it.
        scene.watched.close()
        _ = try await scene.send(IngestScene.text(7), "d.md")
        while scene.watched.inside == 0 { try await aMoment() }
        var whole = Ragdz_V1_DeleteCollectionRequest()
        whole.id = "c"
        _ = try await scene.fixture.service.deleteCollection(whole, context: scene.fixture.context())
        scene.watched.open()
        #expect(try await standing(scene, "documents") == Standing())
        try await checkCounters(scene)
        withExtendedLifetime(worker) {}
    }

    @Test func tooManyPassagesAreRefusedWhenTheyAreCounted() async throws {
        let scene = try await bound(["chunks": 5])
        let worker = scene.worker()
        let sent = try await scene.send(IngestScene.text(20), "a.md")
        let failed = try await scene.end(sent.ingestID)
        #expect(failed.state == .failed && failed.reason == "QUOTA_EXCEEDED")
        try await checkCounters(scene, kept: [IngestScene.text(20).count])
        // Who waits is told the values, too.
        let waiting = await status {
            try await RetrievalFixture(service: scene.fixture.service, test: scene.test, tenant: scene.tenant)
                .upload(IngestScene.text(21), to: "c", filename: "b.md")
        }
        #expect(waiting?.details.errorInfo?.metadata["quota"] == "chunks")
        #expect(waiting?.details.errorInfo?.metadata["limit"] == "5")
        // With more room it goes on with what it has.
        try await scene.test.asOwner("update ragdz.quota_overrides set allowed = 500")
        scene.watched.forget()
        var retry = Ragdz_V1_RetryIngestRequest()
        retry.id = sent.ingestID
        _ = try await scene.fixture.service.retryIngest(retry, context: scene.fixture.context())
        #expect(try await scene.end(sent.ingestID).state == .succeeded)
        #expect(scene.watched.texts.isEmpty, "no passage is embedded twice")
        try await checkCounters(scene, kept: [IngestScene.text(21).count])
        withExtendedLifetime(worker) {}
    }
}
