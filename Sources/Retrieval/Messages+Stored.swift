internal import Bytes
internal import ProtoRuntime
internal import Schema

extension Ragdz_V1_Collection {
    init(_ stored: StoredCollection) {
        self.init()
        id = stored.id.description
        name = stored.name
        embeddingModel = stored.embeddingModel
        embeddingDimension = Int32(clamping: stored.embeddingDimension)
        documentCount = stored.documentCount
        chunkCount = stored.chunkCount
        createTime = Google_Protobuf_Timestamp(unixMicros: stored.createMicros)
        groups = stored.groups
    }
}

extension Ragdz_V1_Document {
    init(_ stored: StoredDocument, duplicate: Bool) {
        self.init()
        id = stored.id.description
        collectionID = stored.collection.description
        filename = stored.filename
        title = stored.title
        mediaType = stored.mediaType
        language = stored.language
        byteSize = stored.byteSize
        characterCount = stored.characterCount
        pageCount = Int32(clamping: stored.pageCount)
        chunkCount = Int32(clamping: stored.chunkCount)
        sha256 = stored.sha256
        createTime = Google_Protobuf_Timestamp(unixMicros: stored.createMicros)
        self.duplicate = duplicate
        attributes = Ragdz_V1_DocumentAttributes(stored.attributes)
        updateTime = stored.updateMicros.map { Google_Protobuf_Timestamp(unixMicros: $0) }
        state = .stored
        version = Int32(clamping: stored.version)
        ingestID = stored.ingest?.description ?? ""
    }
}

extension Ragdz_V1_DocumentAttributes {
    init(_ stored: DocumentAttributes) {
        self.init()
        country = stored.country
        theme = stored.theme
        source = stored.source
        official = stored.isOfficial
        date = stored.dateMicros.map { Google_Protobuf_Timestamp(unixMicros: $0) }
        tags = stored.tags
        groups = stored.groups
    }
}

extension Ragdz_V1_SearchHit {
    init(_ passage: Passage) {
        self.init()
        chunkID = passage.chunk.description
        documentID = passage.document.description
        collectionID = passage.collection.description
        title = passage.title
        language = passage.language
        text = passage.content
        page = Int32(clamping: passage.page)
        start = passage.start
        end = passage.end
        score = passage.score
        denseRank = Int32(clamping: passage.denseRank)
        lexicalRank = Int32(clamping: passage.lexicalRank)
        similarity = passage.similarity
        coverage = passage.coverage
        lexicalScore = passage.relevance
        shared = passage.isShared
        languageShift = passage.languageShift
    }
}

extension Ragdz_V1_Citation {
    init(_ verified: VerifiedCitation) {
        self.init()
        number = Int32(clamping: verified.number)
        documentID = verified.document.description
        title = verified.title
        chunkID = verified.chunk.description
        page = Int32(clamping: verified.page)
        start = Int64(verified.range.lowerBound)
        end = Int64(verified.range.upperBound)
        utf16Start = Int64(verified.utf16.lowerBound)
        utf16End = Int64(verified.utf16.upperBound)
        quote = verified.quote
    }
}

extension Ragdz_V1_AskEvent {
    init(_ answer: AnswerEvent, elapsed: Duration) {
        self.init()
        switch answer {
        case .sources(let passages, let context):
            var sources = Ragdz_V1_AskSources()
            sources.context = context
            sources.hits = passages.map { Ragdz_V1_SearchHit($0) }
            event = .sources(sources)
        case .text(let piece, let unsupported):
            var text = Ragdz_V1_AskText()
            text.text = piece
            text.unsupported = unsupported
            event = .text(text)
        case .citation(let verified):
            event = .citation(Ragdz_V1_Citation(verified))
        case .abstention(let reasons):
            var abstention = Ragdz_V1_Abstention()
            abstention.reason = reasons.reason
            abstention.message = reasons.message
            abstention.nearest = reasons.nearest.map { Ragdz_V1_SearchHit($0) }
            event = .abstention(abstention)
        case .usage(let counted):
            var usage = Ragdz_V1_AskUsage()
            usage.passagesRead = Int64(counted.passagesRead)
            usage.inputTokens = counted.inputTokens
            usage.outputTokens = counted.outputTokens
            usage.model = counted.model
            let (seconds, attoseconds) = elapsed.components
            usage.elapsedMicros = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
            event = .usage(usage)
        }
    }
}
