internal import Bytes
internal import Logging
public import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// Conversations: what somebody asked and was answered, kept for the next question.
extension RetrievalService {
    private var conversations: ConversationStore { ConversationStore(database: store.database) }

    public func createConversation(
        _ request: Ragdz_V1_CreateConversationRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Conversation {
        let caller = try context.requireCaller()
        let title = try RetrievalRules.conversationTitle(request.title)
        let days = try RetrievalRules.retentionDays(request.retentionDays)
        return try await withDatabaseErrors(logger, context) {
            let made = try await conversations.create(
                caller, owner: context.identity.actor, groups: context.identity.tenantScopes.groups, title: title,
                retentionDays: days)
            guard let made else { throw Status.conversationNotFound }
            return Ragdz_V1_Conversation(made)
        }
    }

    public func getConversation(
        _ request: Ragdz_V1_GetConversationRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Conversation {
        let caller = try context.requireCaller()
        return try await withDatabaseErrors(logger, context) {
            Ragdz_V1_Conversation(
                try await conversations.find(caller, owner: context.identity.actor, request.id))
        }
    }

    public func listConversations(
        _ request: Ragdz_V1_ListConversationsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListConversationsResponse {
        let caller = try context.requireCaller()
        let size = try PageSize.resolve(request.pageSize)
        let before = try Self.place(request.pageToken, "conversations") ?? UUID128(hi: .max, lo: .max)
        let found = try await withDatabaseErrors(logger, context) {
            try await conversations.list(caller, owner: context.identity.actor, before: before, limit: size + 1)
        }
        var response = Ragdz_V1_ListConversationsResponse()
        response.conversations = found.prefix(size).map { Ragdz_V1_Conversation($0) }
        if found.count > size {
            response.nextPageToken = PageToken.make("conversations", [found[size - 1].id.description])
        }
        return response
    }

    public func listTurns(
        _ request: Ragdz_V1_ListTurnsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListTurnsResponse {
        let caller = try context.requireCaller()
        let size = try PageSize.resolve(request.pageSize)
        let after = try Self.place(request.pageToken, "turns") ?? UUID128(hi: 0, lo: 0)
        return try await withDatabaseErrors(logger, context) {
            let conversation = try await conversations.find(caller, owner: context.identity.actor, request.id)
            let found = try await conversations.turns(caller, of: conversation.id, after: after, limit: size + 1)
            var response = Ragdz_V1_ListTurnsResponse()
            response.turns = try found.prefix(size).map { try Ragdz_V1_Turn($0) }
            try await conversations.markOutdated(caller, &response.turns)
            if found.count > size {
                response.nextPageToken = PageToken.make("turns", [found[size - 1].id.description])
            }
            return response
        }
    }

    public func deleteConversation(
        _ request: Ragdz_V1_DeleteConversationRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.conversationNotFound }
        return try await withDatabaseErrors(logger, context) {
            guard try await conversations.delete(caller, owner: context.identity.actor, id: id) else {
                throw Status.conversationNotFound
            }
            return Google_Protobuf_Empty()
        }
    }

    /// Deletes conversations that have expired, until the task is cancelled.
    public func keepConversationsBounded() async {
        while !Task.isCancelled {
            do {
                while try await conversations.purge() >= ConversationStore.Limits.purgeBatch {}
            } catch {
                if Task.isCancelled { return }
                logger.warning("expired conversations were not deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: ConversationStore.Limits.purgePause)
        }
    }

    /// The turn that a question will be; nil outside of conversations. One that is taken up is the turn that it was.
    func turn(
        _ caller: Caller, _ request: Ragdz_V1_AskRequest, question: String, after said: [Ragdz_V1_AskEvent],
        _ context: ServerContext
    ) async throws -> OpenTurn? {
        if request.conversationID.isEmpty { return nil }
        let owner = context.identity.actor
        let found = try await conversations.find(caller, owner: owner, request.conversationID)
        // A client that makes the call again by itself names it.
        let requestID =
            request.requestID.isEmpty ? context.callName.map { "call \($0)" } ?? "" : request.requestID
        let before = try await conversations.asked(caller, in: found.id, requestID)
        if let before, before.question != question.withoutNUL { throw Status.turnExists }
        var known = said.lazy.compactMap(\.turnID).first.flatMap { UUID128($0) } ?? before?.id
        // A library that makes the call again says so, and nothing else.
        if known == nil, requestID.isEmpty, context.previousAttempts > 0 {
            known = try await conversations.repeated(caller, in: found.id, question)
        }
        let id = known ?? UUID128.v7()
        return OpenTurn(
            conversation: found.id, owner: owner, groups: context.identity.tenantScopes.groups, id: id,
            requestID: requestID, memory: try await conversations.memory(caller, of: found.id, before: id))
    }

    func keep(
        _ caller: Caller, _ turn: OpenTurn, question: String, _ record: TurnRecord, model: String
    ) async throws {
        try await conversations.keep(caller, turn, question: question, record, model: model)
    }

    private static func place(_ token: String, _ list: String) throws(Status) -> UUID128? {
        guard let parts = try PageToken.read(token, list: list, parts: 1) else { return nil }
        guard let id = UUID128(parts[0]) else { throw PageToken.invalid }
        return id
    }
}

extension ServerContext {
    /// How often the library of the client has made this call before, as gRPC's retries say it.
    fileprivate var previousAttempts: Int { metadata["grpc-previous-rpc-attempts"].flatMap { Int($0) } ?? 0 }
}

extension RetrievalRules {
    static func conversationTitle(_ title: String) throws(Status) -> String {
        guard title.unicodeScalars.count <= ConversationStore.Limits.title,
            !title.unicodeScalars.contains(where: isControl)
        else {
            throw .invalidArgument(
                "The title has at most \(ConversationStore.Limits.title) characters and no control characters.",
                reason: "CONVERSATION_TITLE", field: "title")
        }
        return title
    }

    /// Of calls that may be made again.
    static func checkRequestID(_ id: String) throws(Status) {
        guard id.unicodeScalars.count <= RetrievalLimits.requestID, !id.utf8.contains(0) else {
            throw .invalidArgument(
                "A request id has 1 to \(RetrievalLimits.requestID) characters.", reason: "REQUEST_ID",
                field: "request_id")
        }
    }

    static func retentionDays(_ days: Int32) throws(Status) -> Int {
        if days == 0 { return Int(ConversationStore.Limits.defaultRetentionDays) }
        guard ConversationStore.Limits.retentionDays.contains(days) else {
            throw .invalidArgument(
                "retention_days is 1 to 365, or 0 for \(ConversationStore.Limits.defaultRetentionDays).",
                reason: "CONVERSATION_RETENTION", field: "retention_days")
        }
        return Int(days)
    }
}
