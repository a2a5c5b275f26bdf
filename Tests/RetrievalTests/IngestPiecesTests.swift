import Bytes
import Language
import Postgres
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// A document whose text is many pieces, and workers that die over it.
@Suite(.timeLimit(.minutes(15))) struct IngestPiecesTests {
    private static let pages = 24

    private static func pdf() -> [UInt8] {
        SmallPDF.make(
            (0..<pages).map { page in
                ["Chapter \(page)", ""]
                    + (0..<48).map { "Line \($0) of page \(page) says what tax is due and where it is to be paid." }
            })
    }

    @Test(arguments: [nil, IngestEngine.Moment.extracted, .textKept, .staged])
    func whatIsStoredIsTheWholeText(moment: IngestEngine.Moment?) async throws {
        let scene = try await IngestScene.make()
        let file = Self.pdf()
        let document = try await scene.send(file, "long.pdf")
        let died = Mutex(moment == nil)
        var dying: IngestWorker? = scene.worker { now, _ in
            guard now == moment else { return false }
            died.withLock { $0 = true }
            return true
        }
        if moment != nil {
            while !died.withLock({ $0 }) { try await aMoment() }
            if moment == .extracted {
                // A worker before had read more than there is.
                try await scene.test.asOwner(
                    """
                    insert into ragdz.ingest_text_pieces
                    select tenant_id, ingest_id, 99, 0, 'of another reading', '{}', '{}', '{}', '{}'
                    from ragdz.ingest_text_pieces where ordinal = 0
                    """)
            }
            dying = nil
            let other = scene.worker()
            try await scene.takeOver(document.ingestID, epoch: 1)
            #expect(try await scene.end(document.ingestID).state == .succeeded)
            withExtendedLifetime(other) {}
        } else {
            #expect(try await scene.end(document.ingestID).state == .succeeded)
        }
        withExtendedLifetime(dying) {}
        let whole = try await TextExtractor(program: RetrievalFixture.extractor).extract(file, filename: "long.pdf")
        #expect(whole.text.count > 2 * TextPiece.Limits.target && whole.pageCount == Self.pages)
        let stored = try await scene.test.asOwner(
            "select content, page_starts, page_count, character_count, chunk_count from ragdz.documents")[0]
        #expect(try stored.get("content") == whole.text.string)
        #expect(try stored.get("page_starts") == whole.pageStarts.map { Int64($0) })
        #expect(try stored.get("page_count") == Self.pages)
        #expect(try stored.get("character_count") == Int64(whole.text.count))
        let rows = try await scene.test.asOwner(
            "select start_at, end_at, page, content from ragdz.chunks order by ordinal")
        let expected = WholeDocumentChunker.chunks(of: whole)
        #expect(try rows.map { try $0.get("start_at", as: Int64.self) } == expected.map { Int64($0.range.lowerBound) })
        #expect(try rows.map { try $0.get("content", as: String.self) } == expected.map { whole.text[$0.range] })
        #expect(try rows.map { try $0.get("page", as: Int.self) } == expected.map(\.page))
        #expect(try await scene.nothingIsStaged())
    }
}
