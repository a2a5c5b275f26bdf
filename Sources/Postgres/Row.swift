/// A column of a result, as the server described it.
public struct Column: Sendable, Hashable {
    public let name: String
    /// The object identifier of the column's type.
    public let type: UInt32
}

/// One value of a row.
public struct PostgresCell: Sendable {
    public let column: Column
    /// The server's binary form; nil is NULL.
    public let bytes: ArraySlice<UInt8>?
}

/// All rows of one statement: the values stand in one buffer.
final class ResultRows: Sendable {
    let columns: [Column]
    /// Where each value ends in `bytes`, row by row; a negative number -end-1 marks NULL.
    let ends: [Int]
    let bytes: [UInt8]
    let rowCount: Int
    /// How many rows the statement touched, for statements that change data.
    let affected: Int
    /// The server's word for what it did, such as `UPDATE 3`.
    let tag: String

    init(columns: [Column], ends: [Int], bytes: [UInt8], rowCount: Int, affected: Int, tag: String) {
        self.columns = columns
        self.ends = ends
        self.bytes = bytes
        self.rowCount = rowCount
        self.affected = affected
        self.tag = tag
    }

    func cell(row: Int, column: Int) -> PostgresCell {
        let index = row * columns.count + column
        let end = ends[index]
        guard end >= 0 else { return PostgresCell(column: columns[column], bytes: nil) }
        let previous = index == 0 ? 0 : ends[index - 1]
        let start = previous < 0 ? -previous - 1 : previous
        return PostgresCell(column: columns[column], bytes: bytes[start..<end])
    }

    var rows: [Row] { (0..<rowCount).map { Row(result: self, index: $0) } }
}

/// One row of a result. Cheap to copy: all rows of a result share one buffer.
public struct Row: Sendable {
    let result: ResultRows
    let index: Int

    public var columns: [Column] { result.columns }

    /// The value of the column with this name.
    ///
    /// Throws a `decoding` error when there is no such column, when it has another type, or when it is NULL and `T` is
    /// not an optional.
    public func get<T: PostgresDecodable>(_ name: String, as type: T.Type = T.self) throws(PostgresError) -> T {
        for (position, column) in result.columns.enumerated() where column.name == name {
            return try T(postgres: result.cell(row: index, column: position))
        }
        let known = result.columns.map(\.name).joined(separator: ", ")
        throw PostgresError(.decoding, "the result has no column \"\(name)\"; it has: \(known)")
    }

    /// The value of the column at this position, from 0.
    public func get<T: PostgresDecodable>(_ position: Int, as type: T.Type = T.self) throws(PostgresError) -> T {
        guard result.columns.indices.contains(position) else {
            throw PostgresError(
                .decoding, "the result has \(result.columns.count) columns, so there is none at \(position)")
        }
        return try T(postgres: result.cell(row: index, column: position))
    }
}

/// A Swift value that can be read from a column.
public protocol PostgresDecodable: Sendable {
    init(postgres cell: PostgresCell) throws(PostgresError)
}
