internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// The statements of conversations. Whoever owns one is told apart by its name in the audit log.
struct ConversationStore: Sendable {
    enum Limits {
        /// Characters of a title.
        static let title = 200
        /// Days for which a conversation is kept after its last question; 30 unless the request says otherwise.
        static let retentionDays: ClosedRange<Int32> = 1...365
        static let defaultRetentionDays: Int32 = 30
        /// Conversations of one owner.
        static let perOwner: Int64 = 1_000
        /// Turns of a conversation that are kept, the newest ones.
        static let keptTurns = 50
        /// For so long a turn may be that of an earlier attempt of a call that has no name: no answer takes longer.
        static let attempts: Duration = .seconds(300)
        /// Conversations that one purge deletes.
        static let purgeBatch = 500
        /// Between two purges.
        static let purgePause: Duration = .seconds(300)
    }

    let database: Database

    func create(
        _ caller: Caller, owner: String, groups: [String], title: String, retentionDays: Int
    ) async throws -> Queries.ConversationRow? {
        try await database.transaction(as: caller.identity) { transaction in
            try await Self.create(owner, groups, title, retentionDays, transaction)
        }
    }

    private static func create(
        _ owner: String, _ groups: [String], _ title: String, _ retentionDays: Int, _ transaction: Transaction
    ) async throws -> Queries.ConversationRow? {
        _ = try await Queries.lockConversations(transaction, owner: owner)
        let count = try await Queries.countConversations(transaction, owner: owner) ?? 0
        if count >= Limits.perOwner {
            throw Status.failedPrecondition(
                "There are at most \(Limits.perOwner) conversations at a time: delete one.",
                reason: "CONVERSATIONS_FULL")
        }
        return try await Queries.insertConversation(
            transaction, id: UUID128.v7(), owner: owner, title: title, groups: groups, retentionDays: retentionDays)
    }

    func find(_ caller: Caller, owner: String, _ id: String) async throws -> Queries.ConversationRow {
        guard let id = UUID128(id) else { throw Status.conversationNotFound }
        let found = try await Queries.findConversation(database.as(caller.identity), id: id, owner: owner)
        guard let found else { throw Status.conversationNotFound }
        return found
    }

    /// Newest first.
    func list(
        _ caller: Caller, owner: String, before id: UUID128, limit: Int
    ) async throws -> [Queries.ConversationRow] {
        try await Queries.listConversations(
            database.as(caller.identity), owner: owner, beforeID: id, pageSize: Int64(limit))
    }

    /// False when there is none.
    func delete(_ caller: Caller, owner: String, id: UUID128) async throws -> Bool {
        try await Queries.deleteConversation(database.as(caller.identity), id: id, owner: owner) > 0
    }

    /// Oldest first. Whether the caller may see the conversation, `find` has said.
    func turns(
        _ caller: Caller, of conversation: UUID128, after id: UUID128, limit: Int
    ) async throws -> [Queries.TurnRow] {
        try await Queries.listTurns(
            database.as(caller.identity), conversationID: conversation, afterID: id, pageSize: Int64(limit))
    }

    /// What a turn of that id looks back on. Questions stand; an answer with a quote that its document does not have any more
    /// says nothing.
    func memory(
        _ caller: Caller, of conversation: UUID128, before turn: UUID128
    ) async throws -> ConversationMemory {
        let rows = try await Queries.newestTurns(
            database.as(caller.identity), conversationID: conversation, beforeID: turn,
            pageSize: Int64(ConversationMemory.Limits.turns))
        var turns = try rows.reversed().map { try Ragdz_V1_Turn($0) }
        try await markOutdated(caller, &turns)
        return ConversationMemory(
            turns: zip(turns, rows.reversed()).map { turn, row in
                EarlierTurn(question: row.question, searched: row.searched, answer: turn.outdated ? "" : row.answer)
            })
    }

    /// Says of each quote whether its document was replaced by a version without it.
    func markOutdated(_ caller: Caller, _ turns: inout [Ragdz_V1_Turn]) async throws {
        var places: [(turn: Int, citation: Int)] = []
        var documents: [UUID128] = []
        var quotes: [String] = []
        for turn in turns.indices {
            for (number, citation) in turns[turn].citations.enumerated() {
                guard let document = UUID128(citation.documentID) else { continue }
                places.append((turn, number))
                documents.append(document)
                quotes.append(citation.quote)
            }
        }
        if places.isEmpty { return }
        let outdated = try await Queries.outdatedQuotes(
            database.as(caller.identity), documents: documents, quotes: quotes)
        for place in outdated {
            let found = places[Int(place) - 1]
            turns[found.turn].citations[found.citation].outdated = true
            turns[found.turn].outdated = true
        }
    }

    /// The turn of the conversation that was asked under the request id before, if any.
    func asked(
        _ caller: Caller, in conversation: UUID128, _ requestID: String
    ) async throws -> Queries.FindTurnByRequestRow? {
        guard !requestID.isEmpty else { return nil }
        return try await Queries.findTurnByRequest(
            database.as(caller.identity), conversationID: conversation, requestID: requestID)
    }

    /// The newest turn, when it has the same question, no name, and is so new that an attempt of the same call may have made it.
    func repeated(
        _ caller: Caller, in conversation: UUID128, _ question: String
    ) async throws -> UUID128? {
        let newest = try await Queries.findNewestTurn(
            database.as(caller.identity), conversationID: conversation, windowMicros: Limits.attempts.micros)
        return newest?.question == question.withoutNUL ? newest?.id : nil
    }

    /// Keeps a turn, once; nothing when the conversation is gone.
    func keep(
        _ caller: Caller, _ turn: OpenTurn, question: String, _ record: TurnRecord, model: String
    ) async throws {
        let searched = record.context.isEmpty ? question : "\(question)\n\(record.context)"
        let citations = try record.citations.map { try $0.jsonString() }.joined(separator: ",")
        try await database.transaction(as: caller.identity) { transaction in
            let kept = try await Queries.insertTurn(
                transaction, documents: record.documents, id: turn.id, question: question.withoutNUL,
                searched: searched.withoutNUL, answer: record.answer.withoutNUL,
                citations: PostgresJSON("[\(citations)]"), abstention: record.abstention, model: model,
                requestID: turn.requestID, conversationID: turn.conversation, owner: turn.owner, kept: Limits.keptTurns,
                groups: turn.groups)
            if kept > 0 {
                _ = try await Queries.pruneTurns(
                    transaction, conversationID: turn.conversation, kept: Int64(Limits.keptTurns))
            }
        }
    }

    /// How many expired conversations were deleted, of any tenant.
    func purge() async throws -> Int {
        Int(try await Queries.purgeConversations(database.as(.none), wanted: Limits.purgeBatch) ?? 0)
    }
}

extension String {
    /// PostgreSQL's text has no NUL.
    var withoutNUL: String {
        guard utf8.contains(0) else { return self }
        var kept = UnicodeScalarView()
        kept.append(contentsOf: unicodeScalars.lazy.filter { $0.value != 0 })
        return String(kept)
    }
}

extension Status {
    static var turnExists: Status {
        .alreadyExists(
            "The conversation has another question under this request id: choose a new one.",
            reason: "TURN_EXISTS")
    }
    /// The same for what never was, has expired, or is somebody else's.
    static var conversationNotFound: Status {
        .notFound(
            "There is no such conversation, or it is not kept any more.", reason: "CONVERSATION_NOT_FOUND")
    }
}

extension Ragdz_V1_Conversation {
    init(_ row: Queries.ConversationRow) {
        self.init()
        id = row.id.description
        title = row.title
        retentionDays = Int32(clamping: row.retentionDays)
        turnCount = Int32(clamping: row.turnCount)
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        updateTime = Google_Protobuf_Timestamp(unixMicros: row.updateTime.unixMicros)
        expireTime = Google_Protobuf_Timestamp(unixMicros: row.expireTime.unixMicros)
    }
}

extension Ragdz_V1_Turn {
    init(_ row: Queries.TurnRow) throws {
        self.init()
        id = row.id.description
        question = row.question
        answer = row.answer
        abstention = row.abstention
        model = row.model
        forgotten = row.isForgotten
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        let list = try Google_Protobuf_ListValue(json: Array(row.citations.text.utf8))
        citations = try list.values.map { try Ragdz_V1_Citation(json: try $0.jsonBytes()) }
    }
}
