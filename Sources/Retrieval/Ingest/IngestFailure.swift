internal import Models
internal import Postgres
internal import RPC
internal import Stores

/// Why an attempt of an ingest ended without a document.
struct IngestFailure: Error, Sendable {
    let status: Status
    /// Trying again in a moment may help.
    let isTransient: Bool
    /// Trying again can never help: the file is what it is.
    let isFinal: Bool
    /// Where a quota had no room: what the database said of it.
    var quotaDetail = ""

    init(_ status: Status, isTransient: Bool = false, isFinal: Bool = false) {
        self.status = status
        self.isTransient = isTransient
        self.isFinal = isFinal
    }

    init(_ error: ExtractionError) {
        let final = error.kind != .extractorMissing && error.kind != .timeout
        self.init(Status(error), isTransient: false, isFinal: final)
    }

    init(_ error: ModelError) {
        let status = Status(embedding: error)
        self.init(status, isTransient: status.code == .unavailable || error.code == .busy)
    }

    /// What was kept stays: with more room it is a matter of a moment. Nil: it is no quota that failed.
    static func quota(_ error: PostgresError) -> IngestFailure? {
        guard let refusal = error.quotaRefusal else { return nil }
        var failure = IngestFailure(refusal)
        failure.quotaDetail = error.detail ?? ""
        return failure
    }

    /// Of several workers, each was lost over it.
    static var lost: IngestFailure {
        IngestFailure(
            .resourceExhausted(
                "The server ended several times while it read the document. Split it, or save it in a simpler form.",
                reason: "INGEST_CRASHED"), isFinal: true)
    }
}

extension Status {
    init(_ error: ExtractionError) {
        self =
            switch error.kind {
            case .extractorMissing: .failedPrecondition(error.message, reason: error.kind.rawValue)
            case .timeout: .resourceExhausted(error.message, reason: error.kind.rawValue)
            default: .invalidArgument(error.message, reason: error.kind.rawValue, field: "data")
            }
    }

    /// As the database keeps it.
    static func stored(_ row: Queries.IngestRow) -> Status {
        if let refusal = Status(quotaDetail: row.quotaDetail, nowMicros: 0) { return refusal }
        var details = Details()
        details.errorInfo = .init(reason: row.reason, domain: domain)
        let code = Code(rawValue: row.code)
        if code == .invalidArgument { details.fieldViolations = [.init(field: "data", description: row.message)] }
        if code == .unavailable { details.retryAfter = .seconds(2) }
        return Status(code, row.message, details: details)
    }

    /// The same for what never was and for what another tenant has.
    static var collectionNotFound: Status {
        .notFound("There is no such collection.", reason: "COLLECTION_NOT_FOUND")
    }

    static var collectionAmbiguous: Status {
        .invalidArgument(
            "More than one collection has this name, for different groups: give its id.",
            reason: "COLLECTION_AMBIGUOUS", field: "collection")
    }

    static func embeddingModelGone(_ model: String) -> Status {
        .failedPrecondition(
            "The collection's vectors are of the embedding model \(model), which this server does not run: move it to another "
                + "one with ReembedCollection, or use a new collection.", reason: "EMBEDDING_MODEL_CHANGED")
    }

    static var documentNotFound: Status {
        .notFound("There is no such document.", reason: "DOCUMENT_NOT_FOUND")
    }

    /// What came of an upload is gone: deleted, or limited to others.
    static var documentGone: Status { .aborted("The document was deleted meanwhile; send it again.") }

    static var ingestNotFound: Status {
        .notFound("There is no such ingest; what has ended is known for a day.", reason: "INGEST_NOT_FOUND")
    }

    static var versionAttributes: Status {
        .invalidArgument(
            "A new version keeps what is known of its document: change that with UpdateDocument.",
            reason: "VERSION_ATTRIBUTES", field: "header.attributes")
    }

    static var documentExists: Status {
        .alreadyExists("The collection has the same bytes for these groups already.", reason: "DOCUMENT_EXISTS")
    }
}
