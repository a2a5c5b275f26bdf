internal import Bytes
public import Logging
public import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// The service `ragdz.v1.Operators`: who runs the platform, by name, each with a credential that ends.
public struct OperatorsService: Ragdz_V1_Operators.ServiceProtocol {
    private let database: Database
    private let pepper: Pepper
    private let logger: Logger
    private let ended: @Sendable (_ credentialID: String) -> Void

    /// `ended` is called after a credential has ended and before the answer goes out.
    public init(
        database: Database, pepper: Pepper, logger: Logger,
        ended: @escaping @Sendable (_ credentialID: String) -> Void = { _ in }
    ) {
        self.database = database
        self.pepper = pepper
        self.logger = logger
        self.ended = ended
    }

    public func createOperator(
        _ request: Ragdz_V1_CreateOperatorRequest, context: ServerContext
    ) async throws -> Ragdz_V1_OperatorWithCredential {
        let name = try OperatorRules.name(request.name)
        let lifetime = try OperatorRules.lifetime(request.ttl)
        let credential = try APIKey.generate(.platformOperator)
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let made = try await insert(
                credential, name: name, lifetime, origin, database.as(.platformOperator))
            guard let made else {
                throw Status.alreadyExists("There is a live operator of this name.", reason: "OPERATOR_EXISTS")
            }
            return Self.answer(made, credential)
        }
    }

    public func listOperators(
        _ request: Ragdz_V1_ListOperatorsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListOperatorsResponse {
        let size = try PageSize.resolve(request.pageSize)
        var position: (micros: Int64, id: String) = (0, "")
        if let parts = try PageToken.read(request.pageToken, list: "operators", parts: 2) {
            guard APIKey.isID(parts[1]) else { throw PageToken.invalid }
            position = (try PageToken.time(parts[0]), parts[1])
        }
        let after = position
        return try await withDatabaseErrors(logger, context) {
            // One more than the page tells whether there is another page.
            let rows = try await Queries.listOperators(
                database.as(.platformOperator), afterTime: PostgresTimestamp(unixMicros: after.micros),
                afterID: after.id, pageSize: Int64(size + 1))
            var response = Ragdz_V1_ListOperatorsResponse()
            response.operators = rows.prefix(size).map(Ragdz_V1_Operator.init)
            if rows.count > size {
                let last = rows[size - 1]
                response.nextPageToken = PageToken.make(
                    "operators", ["\(last.createTime.unixMicros)", last.credentialID])
            }
            return response
        }
    }

    public func rotateOperator(
        _ request: Ragdz_V1_RotateOperatorRequest, context: ServerContext
    ) async throws -> Ragdz_V1_OperatorWithCredential {
        let name = try OperatorRules.name(request.name)
        let lifetime = try OperatorRules.lifetime(request.ttl)
        let credential = try APIKey.generate(.platformOperator)
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let rows = try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) {
                transaction -> [Queries.OperatorRow] in
                let live = try await Queries.lockLiveOperators(transaction)
                for old in live where old.name == name {
                    _ = try await Queries.endOperator(
                        transaction, credentialID: old.credentialID, actor: origin.actor, action: "operator.rotate",
                        requestID: origin.requestID, peer: origin.peer)
                    let new = try await insert(credential, name: name, lifetime, origin, transaction)
                    return [old] + (new.map { [$0] } ?? [])
                }
                return []
            }
            guard rows.count == 2 else { throw Self.notFound }
            ended(rows[0].credentialID)
            return Self.answer(rows[1], credential)
        }
    }

    public func revokeOperator(
        _ request: Ragdz_V1_RevokeOperatorRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Operator {
        let name = try OperatorRules.name(request.name)
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let row = try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) {
                transaction -> Queries.OperatorRow? in
                let live = try await Queries.lockLiveOperators(transaction)
                for operator_ in live where operator_.name == name {
                    guard OperatorRules.mayEnd(operator_.credentialID, of: live, now: WallClock.nowMicros()) else {
                        throw Status.failedPrecondition(
                            "The platform keeps an operator: make another one first.", reason: "LAST_OPERATOR")
                    }
                    return try await Queries.endOperator(
                        transaction, credentialID: operator_.credentialID, actor: origin.actor,
                        action: "operator.revoke", requestID: origin.requestID, peer: origin.peer)
                }
                return try await Queries.findOperator(transaction, name: name)
            }
            guard let row else { throw Self.notFound }
            ended(row.credentialID)
            return Ragdz_V1_Operator(row)
        }
    }

    private func insert(
        _ credential: APIKey, name: String, _ lifetimeMicros: Int64, _ origin: ChangeOrigin, _ runner: some QueryRunner
    ) async throws -> Queries.OperatorRow? {
        let (version, hash) = pepper.hash(credential)
        return try await Queries.insertOperator(
            runner, credentialID: credential.id, name: name, pepperVersion: Int(version), hash: hash,
            actor: origin.actor, lifetimeMicros: lifetimeMicros, requestID: origin.requestID, peer: origin.peer)
    }

    private static func answer(_ row: Queries.OperatorRow, _ credential: APIKey) -> Ragdz_V1_OperatorWithCredential {
        var answer = Ragdz_V1_OperatorWithCredential()
        answer.operator = Ragdz_V1_Operator(row)
        answer.credential = credential.revealed
        return answer
    }

    private static let notFound = Status.notFound("There is no such operator.", reason: "OPERATOR_NOT_FOUND")
}

/// What an operator's fields may hold, and who may end. Pure.
enum OperatorRules {
    /// 90 days, in microseconds.
    static let defaultLifetimeMicros: Int64 = 90 * 86_400_000_000
    /// One minute to one year, in microseconds.
    static let lifetimeMicros: ClosedRange<Int64> = 60_000_000...(366 * 86_400_000_000)

    /// A name that reads the same everywhere: it stands in logs as `operator:<name>`.
    static func name(_ name: String) throws(Status) -> String {
        let isWellFormed = name.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                index > 0
            default: false
            }
        }
        guard isWellFormed, (2...63).contains(name.utf8.count) else {
            throw .invalidArgument(
                "name is 2 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", starting with a letter.",
                reason: "INVALID_NAME", field: "name")
        }
        return name
    }

    static func lifetime(_ ttl: Google_Protobuf_Duration?) throws(Status) -> Int64 {
        guard let ttl else { return defaultLifetimeMicros }
        let (micros, overflow) = ttl.seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow, (0..<1_000_000_000).contains(ttl.nanos), lifetimeMicros.contains(micros) else {
            throw .invalidArgument(
                "ttl is one minute to one year; leave it out for 90 days.", reason: "INVALID_TTL", field: "ttl")
        }
        return micros
    }

    /// Whether somebody else is left who can log in for a while.
    static func mayEnd(_ credentialID: String, of live: [Queries.OperatorRow], now: Int64) -> Bool {
        live.contains { $0.credentialID != credentialID && ($0.expireTime.map { $0.unixMicros > now } ?? true) }
    }
}

extension Ragdz_V1_Operator {
    init(_ row: Queries.OperatorRow) {
        self.init()
        func timestamp(_ moment: PostgresTimestamp) -> Google_Protobuf_Timestamp {
            Google_Protobuf_Timestamp(unixMicros: moment.unixMicros)
        }
        name = row.name
        credentialID = row.credentialID
        createdBy = row.createdBy
        createTime = timestamp(row.createTime)
        expireTime = row.expireTime.map(timestamp)
        revokeTime = row.revokeTime.map(timestamp)
    }
}
