internal import Bytes
internal import Language
internal import Logging
internal import Postgres

/// Indexes anew, in the background, what an older version of the analyzer indexed.
///
/// Which documents these are is asked across tenants; each one is then read and written as its own tenant, in one
/// transaction. Until its turn comes a document is found by its old lexemes and by its vectors.
struct IndexRefresh: Sendable {
    enum Limits {
        /// Documents asked for at a time.
        static let batch = 64
        /// Between two looks, because a server of an older version may still be storing beside this one.
        static let pause: Duration = .seconds(300)
        /// After a failure, such as a database that is away.
        static let patience: Duration = .seconds(5)
    }

    let store: RetrievalStore
    let logger: Logger

    /// Until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                let count = try await refreshAll()
                if count > 0 { logger.info("documents indexed anew", metadata: ["count": "\(count)"]) }
                try await Task.sleep(for: Limits.pause)
            } catch is CancellationError {
                return
            } catch {
                logger.warning("indexing anew is interrupted", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Limits.patience)
            }
        }
    }

    /// Every document that is out of date now; how many they were.
    func refreshAll() async throws -> Int {
        var count = 0
        while true {
            let due = try await store.documentsToIndex(version: LexicalAnalyzer.version, limit: Limits.batch)
            if due.isEmpty { return count }
            for (tenant, document) in due {
                try Task.checkCancellation()
                try await refresh(tenant, document)
                count += 1
            }
        }
    }

    private func refresh(_ tenant: UUID128, _ document: UUID128) async throws {
        guard let text = try await store.textToIndex(tenant, id: document) else { return }
        let fresh = await withTaskExecutorPreference(globalConcurrentExecutor) {
            let content = ScalarText(text.content)
            return text.chunks.map { chunk in
                let headings = chunk.titlePath.first == text.title ? chunk.titlePath : [text.title] + chunk.titlePath
                let range = chunk.range.clamped(to: 0..<content.count)
                return (chunk.id, IndexTerms(text: content, range: range, headings: headings, language: chunk.language))
            }
        }
        try await store.replaceLexemes(tenant, document: document, fresh, version: LexicalAnalyzer.version)
    }
}

/// A document as its index needs it.
struct TextToIndex: Sendable {
    struct Chunk: Sendable {
        let id: UUID128
        let range: Range<Int>
        let language: LanguageCode
        let titlePath: [String]
    }

    let title: String
    let content: String
    let chunks: [Chunk]
}

extension RetrievalStore {
    /// What joins the headings above a chunk in the database.
    static let pathSeparator = " › "

    func documentsToIndex(version: Int, limit: Int) async throws -> [(tenant: UUID128, document: UUID128)] {
        try await Queries.documentsToIndex(database.as(.none), version: version, resultLimit: limit)
            .map { ($0.tenantID, $0.documentID) }
    }

    func textToIndex(_ tenant: UUID128, id: UUID128) async throws -> TextToIndex? {
        guard let text = try await Queries.findTextToIndex(database.as(.tenant(tenant, groups: .all)), id: id) else {
            return nil
        }
        let rows = try await Queries.findChunksToIndex(database.as(.tenant(tenant, groups: .all)), documentID: id)
        let chunks = rows.map { row in
            TextToIndex.Chunk(
                id: row.id, range: Int(row.startAt)..<Int(row.endAt),
                language: LanguageCode(rawValue: row.language) ?? .undetermined,
                titlePath: Self.path(row.titlePath))
        }
        return TextToIndex(title: text.title, content: text.content, chunks: chunks)
    }

    static func path(_ joined: String) -> [String] {
        var path: [String] = []
        var rest = Substring(joined)
        while let separator = rest.firstRange(of: pathSeparator) {
            path.append(String(rest[..<separator.lowerBound]))
            rest = rest[separator.upperBound...]
        }
        return rest.isEmpty && path.isEmpty ? [] : path + [String(rest)]
    }

    /// All of a document's lexemes at once; nothing when somebody else was faster or the document is gone.
    func replaceLexemes(
        _ tenant: UUID128, document: UUID128, _ fresh: [(UUID128, IndexTerms)], version: Int
    ) async throws {
        try await database.transaction(as: .tenant(tenant, groups: .all)) { transaction in
            // The collection first, as a change of its groups has it.
            guard try await Queries.lockPlaceOfDocument(transaction, documentID: document) == 1 else { return }
            let mine = try await Queries.updateAnalyzerVersion(transaction, version: version, id: document)
            guard mine == 1 else { return }
            for start in stride(from: 0, to: fresh.count, by: RetrievalLimits.chunksPerStatement) {
                let part = fresh[start..<min(start + RetrievalLimits.chunksPerStatement, fresh.count)]
                _ = try await Queries.updateLexemes(
                    transaction, ids: part.map(\.0), lexemes: part.map(\.1.vector), lexemeCounts: part.map(\.1.count))
            }
        }
    }
}
