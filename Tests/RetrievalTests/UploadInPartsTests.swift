import Bytes
import Cryptography
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Files in parts: whoever loses the connection goes on where the server has them to.
@Suite(.timeLimit(.minutes(15))) struct UploadInPartsTests {
    private func start(
        _ fixture: RetrievalFixture, _ bytes: [UInt8], _ filename: String = "a.md", replaces: String = "",
        background: Bool = false
    ) async throws -> Ragdz_V1_Upload {
        var request = Ragdz_V1_StartUploadRequest()
        var header = Ragdz_V1_UploadHeader()
        header.collection = "c"
        header.filename = filename
        header.replaces = replaces
        header.background = background
        request.header = header
        request.byteSize = Int64(bytes.count)
        return try await fixture.service.startUpload(request, context: fixture.context())
    }

    private func append(
        _ fixture: RetrievalFixture, _ id: String, _ bytes: [UInt8], _ range: Range<Int>
    ) async throws -> Ragdz_V1_Upload {
        var request = Ragdz_V1_AppendUploadRequest()
        request.id = id
        request.offset = Int64(range.lowerBound)
        request.data = Array(bytes[range])
        return try await fixture.service.appendUpload(request, context: fixture.context())
    }

    private func get(_ fixture: RetrievalFixture, _ id: String) async throws -> Ragdz_V1_Upload {
        var request = Ragdz_V1_GetUploadRequest()
        request.id = id
        return try await fixture.service.getUpload(request, context: fixture.context())
    }

    private func finish(
        _ fixture: RetrievalFixture, _ id: String, sha256: String = ""
    ) async throws -> Ragdz_V1_Document {
        var request = Ragdz_V1_FinishUploadRequest()
        request.id = id
        request.sha256 = sha256
        return try await fixture.service.finishUpload(request, context: fixture.context())
    }

    private func delete(_ fixture: RetrievalFixture, _ id: String) async throws {
        var request = Ragdz_V1_DeleteUploadRequest()
        request.id = id
        _ = try await fixture.service.deleteUpload(request, context: fixture.context())
    }

    @Test func partsThatAreLostAndSentAgainMakeTheFile() async throws {
        let scene = try await IngestScene.make()
        let (fixture, worker) = (scene.fixture, scene.worker())
        let bytes = IngestScene.text(12)
        let begun = try await start(fixture, bytes)
        #expect(begun.receivedBytes == 0 && begun.byteSize == Int64(bytes.count) && !begun.finished)
        _ = try await append(fixture, begun.id, bytes, 0..<1_000)
        // The answer was lost: the same part again changes nothing, and so does one that overlaps.
        #expect(try await append(fixture, begun.id, bytes, 0..<1_000).receivedBytes == 1_000)
        #expect(try await append(fixture, begun.id, bytes, 500..<2_000).receivedBytes == 1_000)
        let gap = await status { try await append(fixture, begun.id, bytes, 1_500..<2_000) }
        #expect(gap?.code == .outOfRange && gap?.reason == "UPLOAD_GAP")
        let early = await status { try await finish(fixture, begun.id) }
        #expect(early?.reason == "UPLOAD_INCOMPLETE")
        #expect(try await get(fixture, begun.id).receivedBytes == 1_000)
        // The same part from eight connections at a time is kept once.
        try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<8 {
                group.addTask { try await append(fixture, begun.id, bytes, 1_000..<1_700).receivedBytes }
            }
            for try await received in group { #expect(received == 1_700) }
        }
        let rest = Array(bytes + [1])
        let beyond = await status { try await append(fixture, begun.id, rest, 1_700..<rest.count) }
        #expect(beyond?.reason == "UPLOAD_TOO_LARGE")
        #expect(try await append(fixture, begun.id, bytes, 1_700..<bytes.count).receivedBytes == Int64(bytes.count))
        let wrong = await status { try await finish(fixture, begun.id, sha256: String(repeating: "0", count: 64)) }
        #expect(wrong?.reason == "UPLOAD_DAMAGED")
        var hash = SHA256()
        hash.update(bytes)
        let document = try await finish(fixture, begun.id, sha256: Hex.encode(hash.finalize()))
        #expect(document.state == .stored && document.sha256 == Hex.encode(hash.finalize()))
        #expect(document.ingestID == begun.id)
        // Finished twice, and sent late: the same document, once.
        #expect(try await finish(fixture, begun.id).id == document.id)
        #expect(try await append(fixture, begun.id, bytes, 0..<10).finished)
        #expect(try await fixture.rows("documents") == 1)
        #expect(try await scene.nothingIsStaged())
        // The whole file again is that document.
        let again = try await start(fixture, bytes)
        _ = try await append(fixture, again.id, bytes, 0..<bytes.count)
        #expect(try await finish(fixture, again.id).duplicate)
        #expect(try await fixture.rows("ingests") == 1)
        withExtendedLifetime(worker) {}
    }

    @Test func aVersionMayComeInParts() async throws {
        let scene = try await IngestScene.make()
        let (fixture, worker) = (scene.fixture, scene.worker())
        let first = try await fixture.upload(IngestScene.text(3), to: "c", filename: "a.md")
        let bytes = IngestScene.text(3, changed: [1])
        let begun = try await start(fixture, bytes, replaces: first.id)
        _ = try await append(fixture, begun.id, bytes, 0..<bytes.count)
        let second = try await finish(fixture, begun.id)
        #expect(second.id == first.id && second.version == 2)
        withExtendedLifetime(worker) {}
    }

    /// The quota's room is set aside at the beginning and given back however the upload ends.
    @Test func roomIsSetAsideAtTheBeginning() async throws {
        let scene = try await IngestScene.make()
        let (fixture, worker) = (scene.fixture, scene.worker())
        let bytes = IngestScene.text(2)
        let room = """
            select coalesce(sum(amount) filter (where quota = 'bytes'), 0)::bigint as bytes,
                coalesce(sum(amount) filter (where quota = 'documents'), 0)::bigint as documents
            from ragdz.quota_reservations where tenant_id = $1 and not is_released
            """
        func reserved() async throws -> [Int64] {
            let row = try await scene.test.asOwner(room, [scene.tenant])[0]
            return [try row.get("bytes"), try row.get("documents")]
        }
        let begun = try await start(fixture, bytes)
        #expect(try await reserved() == [Int64(bytes.count), 1])
        _ = try await append(fixture, begun.id, bytes, 0..<bytes.count)
        #expect(try await reserved() == [Int64(bytes.count), 1])
        _ = try await finish(fixture, begun.id)
        #expect(try await reserved() == [0, 0])
        let given = try await start(fixture, bytes + [32])
        try await delete(fixture, given.id)
        #expect(try await reserved() == [0, 0])
        let twice = await status { try await delete(fixture, given.id) }
        #expect(twice?.reason == "UPLOAD_NOT_FOUND")
        // What gets no part for an hour is forgotten with its parts.
        let old = try await start(fixture, bytes + [33])
        _ = try await append(fixture, old.id, bytes, 0..<100)
        try await scene.test.asOwner(
            "update ragdz.ingests set due_at = clock_timestamp() where id = $1", [UUID128(old.id)])
        _ = try await IngestStore(database: scene.test.database).forget()
        let late = await status { try await append(fixture, old.id, bytes, 100..<200) }
        #expect(late?.reason == "UPLOAD_NOT_FOUND")
        #expect(try await reserved() == [0, 0])
        #expect(try await scene.nothingIsStaged())
        withExtendedLifetime(worker) {}
    }

    @Test func nobodyElseSeesOrFinishesAnUpload() async throws {
        let scene = try await IngestScene.make()
        let bytes = IngestScene.text(1)
        let begun = try await start(scene.fixture, bytes)
        let other = scene.fixture.other()
        let refusals = [
            await status { try await get(other, begun.id) },
            await status { try await append(other, begun.id, bytes, 0..<10) },
            await status { try await finish(other, begun.id) }, await status { try await delete(other, begun.id) },
            await status { try await get(other, "nonsense") }, await status { try await start(other, bytes) },
        ]
        #expect(
            refusals.map { $0?.reason }
                == Array(repeating: "UPLOAD_NOT_FOUND", count: 5) + ["COLLECTION_NOT_FOUND"])
        #expect(try await get(scene.fixture, begun.id).receivedBytes == 0)
        for size in [0, RetrievalLimits.uploadBytes + 1] {
            var request = Ragdz_V1_StartUploadRequest()
            request.header = Ragdz_V1_UploadHeader()
            request.header?.collection = "c"
            request.header?.filename = "a.md"
            request.byteSize = Int64(size)
            let refused = await status { [request] in
                try await scene.fixture.service.startUpload(request, context: scene.fixture.context())
            }
            #expect(refused?.code == .invalidArgument)
        }
    }
}
