internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// What documents are about, and who may see them.
extension RetrievalService {
    public func updateDocument(
        _ request: Ragdz_V1_UpdateDocumentRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Document {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.documentNotFound }
        let change = try RetrievalRules.change(
            request.attributes, paths: request.updateMask?.paths ?? [], field: "attributes")
        return try await withDatabaseErrors(logger, context) {
            try await update(id, change, caller, ChangeOrigin(context))
        }
    }

    private func update(
        _ id: UUID128, _ change: DocumentChange, _ caller: Caller, _ origin: ChangeOrigin
    ) async throws -> Ragdz_V1_Document {
        guard let groups = try await store.groups(caller, ofDocument: id) else { throw Status.documentNotFound }
        try RetrievalRules.mayChange(groups, to: change.groups ?? groups, caller)
        do {
            let after = try await store.update(caller, id: id, from: groups, change, origin)
            guard let after else { throw Status.changedMeanwhile }
            return Ragdz_V1_Document(after, duplicate: false)
        } catch let error as PostgresError where error.isUniqueViolation {
            throw Status.alreadyExists(
                "The collection has the same bytes for these groups already.", reason: "DOCUMENT_EXISTS")
        }
    }

    public func updateCollection(
        _ request: Ragdz_V1_UpdateCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Collection {
        let caller = try context.requireCaller()
        let groups = try RetrievalRules.groups(request.groups, field: "groups")
        return try await withDatabaseErrors(logger, context) {
            try await update(request.id, groups: groups, caller, ChangeOrigin(context))
        }
    }

    private func update(
        _ name: String, groups: [String], _ caller: Caller, _ origin: ChangeOrigin
    ) async throws -> Ragdz_V1_Collection {
        let before = try await store.collection(caller, name)
        try RetrievalRules.mayChange(before.groups, to: groups, caller)
        do {
            let isDone = try await store.updateGroups(
                caller, collection: before.id, from: before.groups, to: groups, origin)
            guard isDone else { throw Status.changedMeanwhile }
        } catch let error as PostgresError where error.isUniqueViolation {
            throw Status.alreadyExists(
                "There is a collection of this name for these groups already.", reason: "COLLECTION_EXISTS")
        }
        return Ragdz_V1_Collection(try await store.collection(caller, before.id.description))
    }
}

/// Corpora that tenants read beside their own.
extension RetrievalService {
    public func shareCorpus(
        _ request: Ragdz_V1_ShareCorpusRequest, context: ServerContext
    ) async throws -> Ragdz_V1_SharedCorpus {
        guard let tenant = UUID128(request.tenantID) else {
            throw Status.invalidArgument("tenant_id is a UUID.", reason: "INVALID_ID", field: "tenant_id")
        }
        let country = try RetrievalRules.country(request.country, field: "country")
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let isThere = try await store.share(tenant, country: request.stop ? nil : country, origin)
            if !isThere { throw Status.notFound("There is no such tenant.", reason: "TENANT_NOT_FOUND") }
            var shared = Ragdz_V1_SharedCorpus()
            shared.tenantID = tenant.description
            shared.country = request.stop ? "" : country
            shared.shared = !request.stop
            return shared
        }
    }
}

extension RetrievalStore {
    /// Shares what a tenant has with all of a country (empty: everywhere), or with nobody any more (nil). False when there is no
    /// such tenant.
    func share(_ tenant: UUID128, country: String?, _ origin: ChangeOrigin) async throws -> Bool {
        let database = database.as(.platformOperator)
        guard let country else {
            _ = try await Queries.unshareCorpus(
                database, tenantID: tenant, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
            return true
        }
        return try await Queries.shareCorpus(
            database, tenantID: tenant, country: country, actor: origin.actor, requestID: origin.requestID,
            peer: origin.peer) != nil
    }
}

extension Status {
    static var changedMeanwhile: Status {
        .aborted("It was changed meanwhile: read it again and try again.", reason: "CHANGED_MEANWHILE")
    }
}
