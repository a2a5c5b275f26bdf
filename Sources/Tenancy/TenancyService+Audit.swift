internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// The log of changes: reading it and proving that it is whole.

extension TenancyService {
    public func listAuditEntries(
        _ request: Ragdz_V1_ListAuditEntriesRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListAuditEntriesResponse {
        let (id, identity) = try reach(request.id, field: "id", context)
        return try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "audit.read", identity, context)
            return try await entries(of: id, as: identity, pageSize: request.pageSize, pageToken: request.pageToken)
        }
    }

    public func verifyAudit(
        _ request: Ragdz_V1_VerifyAuditRequest, context: ServerContext
    ) async throws -> Ragdz_V1_AuditVerdict {
        let (id, identity) = try reach(request.id, field: "id", context)
        let known = try Self.known(request.knownSequence, request.knownHash)
        return try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "audit.verify", identity, context)
            return try await verdict(on: id, as: identity, known: known)
        }
    }

    public func listOperatorAudit(
        _ request: Ragdz_V1_ListOperatorAuditRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListAuditEntriesResponse {
        try await withDatabaseErrors(logger, context) {
            try await entries(
                of: Self.platform, as: .platformOperator, pageSize: request.pageSize, pageToken: request.pageToken)
        }
    }

    public func verifyOperatorAudit(
        _ request: Ragdz_V1_VerifyOperatorAuditRequest, context: ServerContext
    ) async throws -> Ragdz_V1_AuditVerdict {
        let known = try Self.known(request.knownSequence, request.knownHash)
        return try await withDatabaseErrors(logger, context) {
            try await verdict(on: Self.platform, as: .platformOperator, known: known)
        }
    }

    /// The log of the platform itself, which is the operators', is that of the nil UUID.
    private static let platform = UUID128(hi: 0, lo: 0)

    private func entries(
        of id: UUID128, as identity: Identity, pageSize: Int32, pageToken: String
    ) async throws -> Ragdz_V1_ListAuditEntriesResponse {
        let size = try PageSize.resolve(pageSize)
        var before = Int64.max
        if let position = try PageToken.read(pageToken, list: "audit", parts: 1) {
            guard let sequence = Int64(position[0]) else { throw PageToken.invalid }
            before = sequence
        }
        guard try await store.auditHead(id, as: identity) != nil else { throw notFound }
        let entries = try await store.auditEntries(id, before: before, limit: size + 1, as: identity)
        var response = Ragdz_V1_ListAuditEntriesResponse()
        response.entries = entries.prefix(size).map(Ragdz_V1_AuditEntry.init)
        if entries.count > size, let last = response.entries.last {
            response.nextPageToken = PageToken.make("audit", [String(last.sequence)])
        }
        return response
    }

    private func verdict(
        on id: UUID128, as identity: Identity, known: (sequence: Int64, hash: [UInt8])?
    ) async throws -> Ragdz_V1_AuditVerdict {
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

    /// Entries that are read at once.
    private static let auditPage = 500

    private static func known(
        _ sequence: Int64, _ text: String
    ) throws(Status) -> (sequence: Int64, hash: [UInt8])? {
        if sequence == 0, text.isEmpty { return nil }
        guard sequence > 0, let hash = Hex.decode(text), hash.count == 32 else {
            throw .invalidArgument(
                "known_sequence and known_hash are last_sequence and last_hash of an earlier verification.",
                reason: "KNOWN_HASH", field: "known_hash")
        }
        return (sequence, hash)
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
