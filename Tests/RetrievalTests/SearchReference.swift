import Bytes
import Language
import Postgres
import Schema
import Support

@testable import Retrieval

/// Documents with random attributes and vectors, stored without an upload, and what a search of them must find, by hand.
struct SearchReference {
    struct Document: Sendable {
        let id: UUID128
        let collection: UUID128
        let language: String
        let attributes: DocumentAttributes
        let createMicros: Int64
        let chunks: [UUID128]
    }

    let fixture: RetrievalFixture
    let collections: [(id: UUID128, name: String, groups: [String])]
    private(set) var documents: [Document] = []

    static let countries = ["", "DZ", "CH", "FR"]
    static let themes = ["", "taxes", "labour law", "customs \"duties\"", "droit d'auteur $v0 [*]"]
    static let sources = ["", "JORADP", "AFC"]
    static let tags = ["a", "b", "c\\d"]
    static let groupSets: [[String]] = [[], [], [], ["legal"], ["hr"], ["hr", "legal"]]
    static let languages = ["ar", "fr", "en"]

    /// `count` documents of one to three chunks in three collections, one of them for the group `hr` alone.
    static func make(
        _ fixture: RetrievalFixture, documents count: Int, using random: inout some RandomNumberGenerator
    ) async throws -> SearchReference {
        var collections: [(UUID128, String, [String])] = []
        for (name, groups) in [("one", [String]()), ("two", []), ("three", ["hr"])] {
            let made = try await fixture.createCollection(name, groups: groups)
            collections.append((UUID128(made.id) ?? .v4(), name, groups))
        }
        var reference = SearchReference(fixture: fixture, collections: collections)
        for number in 0..<count { try await reference.add(number, using: &random) }
        return reference
    }

    mutating func add(_ number: Int, using random: inout some RandomNumberGenerator) async throws {
        let collection = collections[Int.random(in: 0..<collections.count, using: &random)].id
        let attributes = DocumentAttributes(
            country: Self.countries.randomElement(using: &random) ?? "",
            theme: Self.themes.randomElement(using: &random) ?? "",
            source: Self.sources.randomElement(using: &random) ?? "", isOfficial: Bool.random(using: &random),
            dateMicros: Bool.random(using: &random) ? Int64.random(in: 0...9, using: &random) * 1_000_000 : nil,
            tags: Self.tags.filter { _ in Bool.random(using: &random) },
            groups: Self.groupSets.randomElement(using: &random) ?? [])
        let document = Document(
            id: .v4(), collection: collection, language: Self.languages.randomElement(using: &random) ?? "en",
            attributes: attributes, createMicros: Int64(number) * 1_000_000,
            chunks: (0..<Int.random(in: 1...3, using: &random)).map { _ in .v4() })
        try await insert(document, number, using: &random)
        documents.append(document)
    }

    private func insert(
        _ document: Document, _ number: Int, using random: inout some RandomNumberGenerator
    ) async throws {
        let attributes = document.attributes
        try await fixture.test.asOwner(
            """
            insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size,
                character_count, page_count, page_starts, sha256, content, chunk_count, groups, country, theme, source,
                official, document_time, tags, create_time)
            values ($1, $2, $3, 'f', 't', 'text/plain', $4, 1, 3, 0, '{0}', lpad(to_hex($5::bigint), 64, '0'), 'abc', $6, $7,
                $8, $9, $10, $11, $12, $13, $14)
            """,
            [
                fixture.tenant, document.id, document.collection, document.language, Int64(number),
                document.chunks.count, attributes.groups, attributes.country, attributes.theme, attributes.source,
                attributes.isOfficial, attributes.dateMicros.map { PostgresTimestamp(unixMicros: $0) },
                attributes.tags, PostgresTimestamp(unixMicros: document.createMicros),
            ])
        for (ordinal, chunk) in document.chunks.enumerated() {
            let vector = (0..<16).map { _ in Float.random(in: -1...1, using: &random) }
            try await fixture.test.asOwner(
                """
                with chunk as (
                    insert into ragdz.chunks (tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at,
                        utf16_start, language, title_path, content, lexemes, lexeme_count, shelf_id)
                    select d.tenant_id, $1, d.collection_id, d.id, $2, 0, 0, 3, 0, d.language, '', 'abc', '', 0, d.shelf_id
                    from ragdz.documents d where d.tenant_id = $3 and d.id = $4
                    returning *
                )
                insert into ragdz.chunk_vectors (
                    tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding, model_key, home)
                select c.tenant_id, c.id, c.collection_id, c.document_id, c.shelf_id, c.language, $5, (
                        select v.model_key from ragdz.vector_sets v
                        where v.tenant_id = c.tenant_id and v.collection_id = c.collection_id and v.state = 'current'),
                    coalesce((select h.home from ragdz.vector_homes h where h.tenant_id = c.tenant_id), 0)
                from chunk c
                """, [chunk, ordinal, fixture.tenant, document.id, HalfVector(vector)])
        }
    }

    /// Chunks that the groups may see and the filter lets through.
    func visible(to groups: AccessGroups, _ filter: SearchFilter?) -> Set<UUID128> {
        var chunks: Set<UUID128> = []
        for document in documents {
            let collection = collections.first { $0.id == document.collection }
            let limits = [document.attributes.groups, collection?.groups ?? []]
            guard limits.allSatisfy({ $0.isEmpty || $0.contains(where: groups.contains) }),
                filter.map({ Self.passes(document, $0) }) ?? true
            else { continue }
            chunks.formUnion(document.chunks)
        }
        return chunks
    }

    /// All chunks of the tenant, nearest first, whoever may see them.
    func byDistance(to vector: [Float]) async throws -> [UUID128] {
        try await fixture.test.asOwner(
            """
            select chunk_id from ragdz.chunk_vectors where tenant_id = $1 order by embedding <=> $2::halfvec, chunk_id
            """, [fixture.tenant, HalfVector(vector)]
        ).map { try $0.get("chunk_id") }
    }

    static func passes(_ document: Document, _ filter: SearchFilter) -> Bool {
        let attributes = document.attributes
        switch filter {
        case .all(let parts): return parts.allSatisfy { passes(document, $0) }
        case .any(let parts): return parts.contains { passes(document, $0) }
        case .not(let part): return !passes(document, part)
        case .official(let wanted): return attributes.isOfficial == wanted
        case .oneOf(let field, let values):
            let held: [String] =
                switch field {
                case .collection: [document.collection.description]
                case .language: [document.language]
                case .country: [attributes.country]
                case .theme: [attributes.theme]
                case .source: [attributes.source]
                case .tags: attributes.tags
                case .document: [document.id.description]
                }
            return held.contains(where: values.contains)
        case .within(let moment, let start, let end):
            guard let time = moment == .date ? attributes.dateMicros : document.createMicros else { return false }
            return start.map { time >= $0 } ?? true && end.map { time < $0 } ?? true
        }
    }

    /// A random filter, its collections by id.
    func filter(depth: Int, using random: inout some RandomNumberGenerator) -> SearchFilter {
        func pick(_ values: [String], using random: inout some RandomNumberGenerator) -> [String] {
            (0..<Int.random(in: 1...2, using: &random)).compactMap { _ in values.randomElement(using: &random) }
        }
        switch Int.random(in: depth > 0 ? 0...12 : 3...12, using: &random) {
        case 0:
            return .all(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in filter(depth: depth - 1, using: &random) })
        case 1:
            return .any(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in filter(depth: depth - 1, using: &random) })
        case 2: return .not(filter(depth: depth - 1, using: &random))
        case 3: return .oneOf(.collection, pick(collections.map(\.id.description), using: &random))
        case 4: return .oneOf(.language, pick(Self.languages, using: &random))
        case 5: return .oneOf(.country, pick(Self.countries, using: &random))
        case 6: return .oneOf(.theme, pick(Self.themes, using: &random))
        case 7: return .oneOf(.source, pick(Self.sources, using: &random))
        case 8: return .oneOf(.tags, pick(Self.tags, using: &random))
        case 9: return .oneOf(.document, pick(documents.map(\.id.description), using: &random))
        case 10: return .official(Bool.random(using: &random))
        case 11: return .within(.date, start: Int64.random(in: 0...9, using: &random) * 1_000_000, end: nil)
        default:
            let start = Int64.random(in: 0...40, using: &random) * 1_000_000
            return .within(.created, start: start, end: start + 20_000_000)
        }
    }
}
