internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema

// The log of changes: reading it and proving that it is whole.

extension TenancyService {
    public func listAuditEntries(
        _ request: Ragdz_V1_ListAuditEntriesRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListAuditEntriesResponse {
        let (id, identity) = try reach(request.id, field: "id", context)
        let size = try PageSize.resolve(request.pageSize)
        var before = Int64.max
        if let position = try PageToken.read(request.pageToken, list: "audit", parts: 1) {
            guard let sequence = Int64(position[0]) else { throw PageToken.invalid }
            before = sequence
        }
        return try await withDatabaseErrors(logger, context) {
            guard try await store.auditHead(id, as: identity) != nil else { throw notFound }
            let entries = try await store.auditEntries(id, before: before, limit: size + 1, as: identity)
            var response = Ragdz_V1_ListAuditEntriesResponse()
            response.entries = entries.prefix(size).map(Ragdz_V1_AuditEntry.init)
            if entries.count > size, let last = response.entries.last {
                response.nextPageToken = PageToken.make("audit", [String(last.sequence)])
            }
            return response
        }
    }

    public func verifyAudit(
        _ request: Ragdz_V1_VerifyAuditRequest, context: ServerContext
    ) async throws -> Ragdz_V1_AuditVerdict {
        let (id, identity) = try reach(request.id, field: "id", context)
        let known = try Self.known(request)
        return try await withDatabaseErrors(logger, context) {
            // What is written while this runs comes after the head and does not count.
            guard let head = try await store.auditHead(id, as: identity) else { throw notFound }
            var chain = AuditChain(tenant: id, known: known)
            var after: Int64 = 0
            while chain.finding == nil, after < head.sequence {
                try Task.checkCancellation()
                let page = try await store.auditEntries(id, after: after, limit: Self.auditPage, as: identity)
                for entry in page where entry.sequence <= head.sequence { chain.add(entry) }
                guard let last = page.last else { break }
                after = last.sequence
            }
            chain.end(headSequence: head.sequence, headHash: head.hash)
            var verdict = Ragdz_V1_AuditVerdict()
            verdict.intact = chain.finding == nil
            verdict.entries = chain.sequence
            verdict.firstBadSequence = chain.finding?.sequence ?? 0
            verdict.defect = chain.finding?.defect.rawValue ?? ""
            verdict.lastSequence = head.sequence
            verdict.lastHash = Hex.encode(head.hash)
            return verdict
        }
    }

    /// Entries that are read at once.
    private static let auditPage = 500

    private static func known(
        _ request: Ragdz_V1_VerifyAuditRequest
    ) throws(Status) -> (sequence: Int64, hash: [UInt8])? {
        if request.knownSequence == 0, request.knownHash.isEmpty { return nil }
        guard request.knownSequence > 0, let hash = Hex.decode(request.knownHash), hash.count == 32 else {
            throw .invalidArgument(
                "known_sequence and known_hash are last_sequence and last_hash of an earlier verification.",
                reason: "KNOWN_HASH", field: "known_hash")
        }
        return (request.knownSequence, hash)
    }
}

extension TenantStore {
    func auditHead(_ id: UUID128, as identity: Identity) async throws -> (sequence: Int64, hash: [UInt8])? {
        try await Queries.auditHead(database.as(identity), tenantID: id).map { ($0.sequence, $0.hash) }
    }

    func auditEntries(
        _ id: UUID128, after sequence: Int64, limit: Int, as identity: Identity
    ) async throws -> [AuditChain.Entry] {
        try await Queries.auditEntriesAfter(
            database.as(identity), tenantID: id, afterSequence: sequence, pageSize: Int64(limit)
        ).map(AuditChain.Entry.init)
    }

    func auditEntries(
        _ id: UUID128, before sequence: Int64, limit: Int, as identity: Identity
    ) async throws -> [AuditChain.Entry] {
        try await Queries.auditEntriesBefore(
            database.as(identity), tenantID: id, beforeSequence: sequence, pageSize: Int64(limit)
        ).map(AuditChain.Entry.init)
    }
}

extension AuditChain.Entry {
    fileprivate init(_ row: Queries.AuditRow) {
        self.init(
            sequence: row.sequence, timeMicros: row.happenedAt.unixMicros, actor: row.actor, action: row.action,
            target: row.target, before: row.before, after: row.after, requestID: row.requestID, peer: row.peer,
            hash: row.hash)
    }
}

extension Ragdz_V1_AuditEntry {
    fileprivate init(_ entry: AuditChain.Entry) {
        self.init()
        sequence = entry.sequence
        time = Google_Protobuf_Timestamp(unixMicros: entry.timeMicros)
        actor = entry.actor
        action = entry.action
        target = entry.target
        before = entry.before ?? ""
        after = entry.after ?? ""
        requestID = entry.requestID
        peer = entry.peer
        hash_p = Hex.encode(entry.hash)
    }
}
