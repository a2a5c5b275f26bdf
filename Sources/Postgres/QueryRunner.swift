/// Where a statement can run: a database as somebody, or a transaction under way.
///
/// The functions that `sqlgen` prints take one of these, so that the same query serves both:
/// `Queries.getTenant(database.as(.tenant(id)), tenantID: id)` is a unit of its own, `Queries.getTenant(transaction, …)`
/// a part of a transaction.
public protocol QueryRunner: Sendable {
    /// Runs one statement with parameters that are written already.
    func run(_ statement: Statement, _ parameters: ParameterWriter) async throws(PostgresError) -> QueryResult
}

/// What a statement gave: its rows, or how many it touched.
public struct QueryResult: Sendable {
    let result: ResultRows

    /// How many rows the statement touched (or returned).
    public var affected: Int { result.affected }
    public var rows: [Row] { result.rows }
    public var isEmpty: Bool { result.rowCount == 0 }

    /// All rows as values of a type.
    public func all<R: PostgresRow>(as type: R.Type = R.self) throws(PostgresError) -> [R] {
        var all: [R] = []
        all.reserveCapacity(result.rowCount)
        for index in 0..<result.rowCount { all.append(try R(Row(result: result, index: index))) }
        return all
    }

    /// The first row; nil when there is none.
    public func first<R: PostgresRow>(as type: R.Type = R.self) throws(PostgresError) -> R? {
        result.rowCount == 0 ? nil : try R(Row(result: result, index: 0))
    }

    /// The first column of all rows.
    public func values<T: PostgresDecodable>(as type: T.Type = T.self) throws(PostgresError) -> [T] {
        var values: [T] = []
        values.reserveCapacity(result.rowCount)
        for index in 0..<result.rowCount { values.append(try Row(result: result, index: index).get(0)) }
        return values
    }

    /// The first column of the first row; nil when there is no row.
    public func firstValue<T: PostgresDecodable>(as type: T.Type = T.self) throws(PostgresError) -> T? {
        result.rowCount == 0 ? nil : try Row(result: result, index: 0).get(0)
    }
}

/// A Swift value that a whole row becomes. `sqlgen` prints these; they read columns by position.
public protocol PostgresRow: Sendable {
    init(_ row: Row) throws(PostgresError)
}

/// A database as somebody: every statement is one unit of work under that identity, in one round trip.
public struct IdentifiedDatabase: QueryRunner {
    let database: Database
    let identity: Identity

    public func run(_ statement: Statement, _ parameters: ParameterWriter) async throws(PostgresError) -> QueryResult {
        try parameters.check(for: statement)
        return QueryResult(result: try await database.send(statement, parameters, as: identity))
    }
}

extension Database {
    /// This database, as `identity`.
    public func `as`(_ identity: Identity) -> IdentifiedDatabase {
        IdentifiedDatabase(database: self, identity: identity)
    }
}

extension Transaction: QueryRunner {
    public func run(_ statement: Statement, _ parameters: ParameterWriter) async throws(PostgresError) -> QueryResult {
        try parameters.check(for: statement)
        return QueryResult(result: try await send(statement, parameters))
    }
}
