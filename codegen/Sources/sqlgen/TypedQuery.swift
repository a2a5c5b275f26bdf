/// A statement with the types that the server gave it.
struct TypedQuery {
    struct Field: Equatable {
        /// In the database.
        let column: String
        /// In Swift.
        let name: String
        let type: String
    }

    let query: Query
    let parameters: [Field]
    let columns: [Field]

    init(_ query: Query, server: Server) throws {
        self.query = query
        do {
            let description = try server.describe(query.text.sql)
            guard description.parameters.count == query.text.parameters.count else {
                throw GeneratorError(
                    description: "the server sees \(description.parameters.count) parameters, "
                        + "the file names \(query.text.parameters.count)")
            }
            parameters = try zip(query.text.parameters, description.parameters).map { parameter, type in
                guard parameter.name != "db", parameter.name != "parameters" else {
                    throw GeneratorError(description: "the name \(parameter.name) is taken; choose another one")
                }
                let swift = try SwiftType.of(type, server)
                return Field(
                    column: parameter.name, name: SwiftName.of(parameter.name),
                    type: swift + (parameter.nullable ? "?" : ""))
            }
            columns =
                query.kind == .exec || query.kind == .execrows
                ? [] : try Self.columns(description.columns, of: query, server)
        } catch {
            throw GeneratorError(description: "\(query.place): \(query.name): \(error)")
        }
    }

    private static func columns(
        _ described: [Server.Description.Column], of query: Query, _ server: Server
    ) throws -> [Field] {
        guard !described.isEmpty else {
            throw GeneratorError(description: "returns no columns; use :exec or :execrows")
        }
        let names = Set(described.map(\.name))
        guard names.count == described.count else {
            throw GeneratorError(description: "two columns have one name; give each its own with `as`")
        }
        for name in query.text.nullability.keys where !names.contains(name) {
            throw GeneratorError(description: "the mark of \"\(name)\" names no column of the result")
        }
        return try described.map { column in
            let nullable =
                try query.text.nullability[column.name]
                ?? (query.text.widensNulls || column.table == 0
                    || !server.isNotNull(table: column.table, number: column.number))
            return Field(
                column: column.name, name: SwiftName.of(column.name),
                type: try SwiftType.of(column.type, server) + (nullable ? "?" : ""))
        }
    }

    /// The type of one row: that of the only column, or a struct.
    var rowType: String {
        if let name = query.rowName { return name }
        // An optional in an optional would be hard to read at the call.
        if columns.count == 1, !(query.kind == .one && columns[0].type.hasSuffix("?")) { return columns[0].type }
        return query.name.prefix(1).uppercased() + query.name.dropFirst() + "Row"
    }

    var hasRowStruct: Bool { columns.count > 1 || columns.first.map { $0.type != rowType } ?? false }
}

/// The Swift types of values. Small integers are `Int`: a value too large for the column is refused by the server,
/// whereas a conversion at the call would trap.
enum SwiftType {
    private static let names = [
        "bool": "Bool", "int2": "Int", "int4": "Int", "int8": "Int64", "oid": "Int64", "float4": "Float",
        "float8": "Double", "numeric": "String", "text": "String", "varchar": "String", "bpchar": "String",
        "name": "String", "char": "String", "uuid": "UUID128", "bytea": "[UInt8]", "json": "PostgresJSON",
        "jsonb": "PostgresJSON", "timestamptz": "PostgresTimestamp", "timestamp": "PostgresTimestamp",
        "date": "PostgresTimestamp", "halfvec": "HalfVector",
    ]
    private static let arrayElements = [
        "Bool", "Int", "Int64", "Double", "Float", "String", "UUID128", "[UInt8]", "HalfVector",
    ]

    static func of(_ oid: UInt32, _ server: Server) throws -> String {
        let type = try server.typeName(oid)
        if type.element != 0 {
            let element = try of(type.element, server)
            if arrayElements.contains(element) { return "[\(element)]" }
        } else if type.kind == "e" {
            return "String"
        } else if let known = names[type.name] {
            return known
        }
        throw GeneratorError(description: "the type \(type.name) has no Swift type; cast it to one that has")
    }
}

/// `tenant_id` → `tenantID`.
enum SwiftName {
    private static let initialisms = ["id": "ID", "ids": "IDs", "url": "URL", "json": "JSON", "sql": "SQL"]
    private static let reserved: Set<String> = [
        "as", "break", "case", "class", "default", "defer", "do", "else", "enum", "extension", "false", "for", "func",
        "guard", "if", "import", "in", "init", "inout", "internal", "is", "let", "nil", "operator", "private",
        "protocol", "public", "repeat", "rethrows", "return", "self", "static", "struct", "subscript", "super",
        "switch", "throw", "throws", "true", "try", "var", "where", "while",
    ]

    static func of(_ name: String) -> String {
        let words = name.split(separator: "_").map(String.init)
        let joined = words.enumerated().map { index, word in
            index == 0 ? word : initialisms[word] ?? word.prefix(1).uppercased() + word.dropFirst()
        }.joined()
        return reserved.contains(joined) ? "`\(joined)`" : joined
    }
}
