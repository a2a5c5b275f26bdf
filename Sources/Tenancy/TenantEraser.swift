internal import Bytes
internal import Cryptography
public import Logging
public import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Erases what tenants that are being deleted have, and writes the report that proves it.
///
/// A tenant in the state `deleting` has no keys that open anything. Its rows are erased in short transactions; calls that
/// were under way may still write, so the report is made when the settle time is over and nothing is left. A server that
/// stops in the middle leaves nothing to clean up: it, or another one, goes on where the rows are.
public struct TenantEraser: Sendable {
    public enum Limits {
        /// How long after the request the report is made at the earliest: longer than any call of a known key goes on.
        public static let settle: Duration = .seconds(60)
        /// How often open requests are looked for.
        public static let interval: Duration = .seconds(2)
        /// Rows of one transaction.
        static let batch: Int64 = 2_000
    }

    private let database: Database
    private let logger: Logger
    private let settleMicros: Int64
    private let sign: @Sendable ([UInt8]) -> [UInt8]

    /// `sign` gives the platform's signature of a report's hash.
    public init(
        database: Database, logger: Logger, settle: Duration = Limits.settle,
        sign: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) {
        self.database = database
        self.logger = logger
        let (seconds, attoseconds) = settle.components
        settleMicros = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        self.sign = sign
    }

    /// Works until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            do { try await eraseAll() } catch {
                if !Task.isCancelled { logger.warning("tenants cannot be erased now", metadata: ["error": "\(error)"]) }
            }
            try? await Task.sleep(for: Limits.interval)
        }
    }

    /// Works on every open request once.
    func eraseAll() async throws {
        for request in try await Queries.openErasures(database.as(.platformOperator), settleMicros: settleMicros) {
            while try await Queries.eraseTenantRows(
                database.as(.platformOperator), tenantID: request.tenantID, atMost: Limits.batch) ?? 0 > 0
            {
                try Task.checkCancellation()
            }
            guard request.settled else { continue }
            let after = try await Self.counts(of: request.tenantID, database.as(.platformOperator))
            guard after.values.allSatisfy({ $0 == 0 }) else { continue }
            let report = ErasureReport(
                tenant: request.tenantID, requestedBy: request.requestedBy,
                requestMicros: request.requestTime.unixMicros, finishMicros: WallClock.nowMicros(),
                before: try ErasureReport.counts(request.rowsBefore.text), after: after)
            let finished = try await Queries.finishErasure(
                database.as(.platformOperator), rowsAfter: PostgresJSON(ErasureReport.json(after)),
                finishTime: PostgresTimestamp(unixMicros: report.finishMicros), reportHash: report.hash,
                signature: sign(report.hash), tenantID: request.tenantID)
            if finished != nil { logger.notice("tenant erased", metadata: ["tenant": "\(request.tenantID)"]) }
        }
    }

    static func counts(of tenant: UUID128, _ runner: some QueryRunner) async throws -> [String: Int64] {
        let rows = try await Queries.countTenantRows(runner, tenantID: tenant)
        return Dictionary(rows.map { ($0.tableName, $0.rowCount) }) { first, _ in first }
    }
}

/// What a report says, and the text whose hash proves it.
struct ErasureReport: Sendable, Hashable {
    var tenant: UUID128
    var requestedBy: String
    var requestMicros: Int64
    var finishMicros: Int64
    /// Rows by table.
    var before: [String: Int64]
    var after: [String: Int64]

    /// One line for each fact, tables in the order of their names: anybody can write it again from the report's fields.
    var text: String {
        var lines = [
            "ragdz erasure 1", "tenant \(tenant)", "requested \(requestMicros) \(requestedBy)",
            "finished \(finishMicros)",
        ]
        for name in Set(before.keys).union(after.keys).sorted() {
            lines.append("\(name) \(before[name] ?? 0) \(after[name] ?? 0)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var hash: [UInt8] { SHA256.hash([UInt8](text.utf8)) }

    static func json(_ counts: [String: Int64]) -> String {
        "{" + counts.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    static func counts(_ json: String) throws -> [String: Int64] {
        let object = try Google_Protobuf_Struct(json: [UInt8](json.utf8))
        return object.fields.compactMapValues { $0.numberValue.flatMap { Int64(exactly: $0) } }
    }
}
