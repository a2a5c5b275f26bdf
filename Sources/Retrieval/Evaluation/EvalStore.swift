internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// The statements of sets of questions and of the runs that measured search on them.
struct EvalStore: Sendable {
    enum Limits {
        /// Cases of a set: what one run may ask.
        static let cases = SearchEvaluation.Limits.cases
        /// Characters of a set's name.
        static let name = 1...100
        /// Characters of a run's label.
        static let label = 200
        /// Sets of a tenant.
        static let sets: Int64 = 200
        /// Runs of a tenant that go on at the same time.
        static let running: Int64 = 4
        /// Runs of a set that are kept, the newest ones.
        static let keptRuns: Int64 = 100
    }

    let database: Database

    private func runner(_ tenant: UUID128) -> IdentifiedDatabase { database.as(.tenant(tenant)) }

    /// A set with its first cases; nil when the name is taken.
    func create(
        _ tenant: UUID128, name: String, _ cases: [Ragdz_V1_EvaluationCase]
    ) async throws -> Queries.EvalSetRow? {
        let bodies = try cases.map { try $0.storable.jsonString() }
        return try await database.transaction(as: .tenant(tenant)) { transaction in
            try await Self.create(name, bodies, transaction)
        }
    }

    private static func create(
        _ name: String, _ bodies: [String], _ transaction: Transaction
    ) async throws -> Queries.EvalSetRow? {
        _ = try await Queries.lockEvaluations(transaction)
        let made = try await Queries.insertEvalSet(transaction, id: UUID128.v7(), name: name)
        guard var made else { return nil }
        let count = try await Queries.countEvaluations(transaction)?.sets ?? 0
        if count > Limits.sets {
            throw Status.failedPrecondition(
                "A tenant has at most \(Limits.sets) sets of questions: delete one.", reason: "EVAL_SETS_FULL")
        }
        if !bodies.isEmpty { _ = try await add(bodies, to: made.id, isFeedback: false, transaction) }
        made.caseCount = bodies.count
        return made
    }

    func find(_ tenant: UUID128, _ nameOrID: String) async throws -> Queries.EvalSetRow {
        let found = try await Queries.findEvalSet(runner(tenant), id: UUID128(nameOrID), name: nameOrID)
        guard let found else { throw Status.evalSetNotFound }
        return found
    }

    func list(_ tenant: UUID128, after name: String, limit: Int) async throws -> [Queries.EvalSetRow] {
        try await Queries.listEvalSets(runner(tenant), afterName: name, pageSize: Int64(limit))
    }

    func delete(_ tenant: UUID128, id: UUID128) async throws -> Bool {
        try await Queries.deleteEvalSet(runner(tenant), id: id) > 0
    }

    /// The ids of the new cases; throws when the set would have too many, or is gone.
    func add(
        _ tenant: UUID128, to set: UUID128, _ cases: [Ragdz_V1_EvaluationCase], isFeedback: Bool
    ) async throws -> [UUID128] {
        let bodies = try cases.map { try $0.storable.jsonString() }
        return try await database.transaction(as: .tenant(tenant)) { transaction in
            let ids = try await Self.add(bodies, to: set, isFeedback: isFeedback, transaction)
            guard let ids else {
                throw Status.failedPrecondition(
                    "A set has at most \(Limits.cases) cases: make another one.", reason: "EVAL_SET_FULL")
            }
            return ids
        }
    }

    private static func add(
        _ bodies: [String], to set: UUID128, isFeedback: Bool, _ transaction: Transaction
    ) async throws -> [UUID128]? {
        let counted = try await Queries.countEvalCases(
            transaction, cases: bodies.count, id: set, most: Limits.cases)
        guard counted == 1 else { return nil }
        let ids = bodies.map { _ in UUID128.v7() }.sorted()
        try await Queries.insertEvalCases(transaction, setID: set, isFeedback: isFeedback, ids: ids, bodies: bodies)
        return ids
    }

    func cases(
        _ tenant: UUID128, of set: UUID128, after id: UUID128 = UUID128(hi: 0, lo: 0), limit: Int = Limits.cases
    ) async throws -> [Ragdz_V1_EvalCase] {
        try await Queries.listEvalCases(runner(tenant), setID: set, afterID: id, pageSize: Int64(limit)).map { row in
            var made = Ragdz_V1_EvalCase()
            made.id = row.id.description
            made.case = try Ragdz_V1_EvaluationCase(json: Array(row.body.text.utf8))
            made.feedback = row.isFeedback
            made.createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
            return made
        }
    }

    /// Those of the documents that the caller sees.
    func known(_ caller: Caller, _ documents: Set<UUID128>) async throws -> Set<UUID128> {
        Set(try await Queries.knownDocuments(database.as(caller.identity), ids: Array(documents)))
    }
}

extension Status {
    /// The same for what never was and for what another tenant has.
    static var evalSetNotFound: Status {
        .notFound("There is no such set of questions.", reason: "EVAL_SET_NOT_FOUND")
    }

    static var evalRunNotFound: Status {
        .notFound("There is no such run of an evaluation.", reason: "EVAL_RUN_NOT_FOUND")
    }
}

extension Ragdz_V1_EvalSet {
    init(_ row: Queries.EvalSetRow) {
        self.init()
        id = row.id.description
        name = row.name
        caseCount = Int32(clamping: row.caseCount)
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
    }
}

extension Ragdz_V1_EvaluationCase {
    /// Without NUL, which PostgreSQL's text has not.
    var storable: Ragdz_V1_EvaluationCase {
        var copy = self
        copy.question = question.withoutNUL
        copy.label = label.withoutNUL
        copy.contains = contains.withoutNUL
        return copy
    }
}
