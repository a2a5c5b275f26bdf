/// Prints Swift from what was parsed and described. The same input gives the same bytes.
struct Printer {
    private let room: String
    private let areas: [(area: Area, queries: [TypedQuery])]
    private var text = ""

    static func queries(room: String, areas: [(area: Area, queries: [TypedQuery])]) throws -> String {
        var printer = Printer(room: room, areas: areas)
        try printer.check()
        try printer.print()
        return printer.text
    }

    private init(room: String, areas: [(area: Area, queries: [TypedQuery])]) {
        self.room = room
        self.areas = areas
    }

    private func check() throws {
        var seen: [String: String] = [:]
        for (area, queries) in areas {
            for typed in queries {
                if let other = seen.updateValue(area.name, forKey: typed.query.name) {
                    throw GeneratorError(
                        description:
                            "\(room): the name \(typed.query.name) is used in \(other).sql and in \(area.name).sql")
                }
            }
        }
    }

    private mutating func print() throws {
        text = Self.header(source: areas.map { "sql/queries/\($0.area.name).sql" }.joined(separator: ", "))
        let all = areas.flatMap(\.queries)
        let types = all.flatMap { $0.parameters + $0.columns }.map(\.type)
        // The room that defines `Statement` does not import itself.
        if types.contains(where: { $0.contains("UUID128") }) { text += "internal import Bytes\n" }
        if room != "Postgres" { text += "internal import Postgres\n" }
        text += (text.hasSuffix("\n\n") ? "" : "\n") + "enum Queries {\n    enum Statements {\n"
        text += areas.flatMap { area, queries in queries.map { statement($0, area) } }.joined(separator: "\n")
        text += "    }\n"
        try rows(all)
        for typed in all { function(typed) }
        text += "}\n"
        decoders()
    }

    private func comment(_ typed: TypedQuery) -> String {
        typed.query.comment.map { "    /// \($0)\n" }.joined()
    }

    private func statement(_ typed: TypedQuery, _ area: Area) -> String {
        "        static let \(typed.query.name) = Statement(\n"
            + "            name: \"\(area.name).\(typed.query.name)\",\n"
            + "            sql: \(Self.literal(typed.query.text.sql, indent: 16)))\n"
    }

    /// One struct per row type; statements that share one must agree in every column.
    private mutating func rows(_ all: [TypedQuery]) throws {
        var printed: [String: TypedQuery] = [:]
        for typed in all where typed.hasRowStruct {
            let name = typed.rowType
            if let other = printed[name] {
                guard other.columns == typed.columns else {
                    throw GeneratorError(
                        description: "\(typed.query.place): \(typed.query.name) has other columns than "
                            + "\(other.query.name), so they cannot share the row type \(name): "
                            + Self.difference(typed.columns, other.columns))
                }
                continue
            }
            printed[name] = typed
            text += "\n    struct \(name): PostgresRow, Hashable {\n"
            for column in typed.columns { text += "        var \(column.name): \(column.type)\n" }
            text += "    }\n"
        }
        initialisers = printed.values.sorted { $0.rowType < $1.rowType }
    }

    private var initialisers: [TypedQuery] = []

    private static func difference(_ a: [TypedQuery.Field], _ b: [TypedQuery.Field]) -> String {
        func list(_ fields: [TypedQuery.Field]) -> String {
            fields.map { "\($0.column): \($0.type)" }.joined(separator: ", ")
        }
        let onlyA = a.filter { !b.contains($0) }
        let onlyB = b.filter { !a.contains($0) }
        return onlyA.isEmpty && onlyB.isEmpty ? "their order differs" : "\(list(onlyA)) against \(list(onlyB))"
    }

    private mutating func function(_ typed: TypedQuery) {
        let query = typed.query
        let result: String
        let call: String
        switch query.kind {
        case .exec: (result, call) = ("", "_ = try await db.run(")
        case .execrows: (result, call) = (" -> Int", "try await db.run(")
        case .one: (result, call) = (" -> \(typed.rowType)?", "try await db.run(")
        default: (result, call) = (" -> [\(typed.rowType)]", "try await db.run(")
        }
        let suffix =
            switch query.kind {
            case .exec: ""
            case .execrows: ".affected"
            case .one: typed.hasRowStruct ? ".first()" : ".firstValue()"
            default: typed.hasRowStruct ? ".all()" : ".values()"
            }
        text += "\n" + comment(typed) + "    static func \(query.name)(\n"
        text += Self.wrapped(["_ db: some QueryRunner"] + typed.parameters.map { "\($0.name): \($0.type)" })
        text += "    ) async throws(PostgresError)\(result) {\n"
        if typed.parameters.isEmpty {
            text += "        \(call)Statements.\(query.name), ParameterWriter(capacity: 0))\(suffix)\n"
        } else {
            text += "        var parameters = ParameterWriter(capacity: \(typed.parameters.count))\n"
            for parameter in typed.parameters { text += "        \(parameter.name).encode(into: &parameters)\n" }
            let keyword = query.kind == .exec ? "" : "return "
            text += "        \(keyword)\(call)Statements.\(query.name), parameters)\(suffix)\n"
        }
        text += "    }\n"
    }

    /// Arguments on lines of at most 120 characters.
    private static func wrapped(_ arguments: [String]) -> String {
        var lines: [String] = []
        for (index, argument) in arguments.enumerated() {
            let item = argument + (index < arguments.count - 1 ? "," : "")
            if let last = lines.last, last.count + item.count + 1 <= 112 {
                lines[lines.count - 1] += " " + item
            } else {
                lines.append(item)
            }
        }
        return lines.map { "        \($0)\n" }.joined()
    }

    /// By position: the server described the columns in this order when the text was generated.
    private mutating func decoders() {
        for typed in initialisers {
            text += "\nextension Queries.\(typed.rowType) {\n    init(_ row: Row) throws(PostgresError) {\n"
            for (index, column) in typed.columns.enumerated() {
                text += "        self.\(column.name) = try row.get(\(index))\n"
            }
            text += "    }\n}\n"
        }
    }

    static func migrations(_ migrations: [Migration]) throws -> String {
        for (earlier, later) in zip(migrations, migrations.dropFirst()) where earlier.version == later.version {
            throw GeneratorError(
                description: "two migrations have the number \(earlier.version): \(earlier.name), \(later.name)")
        }
        var text = header(source: "sql/migrations")
        text += """
            /// The database's migrations, in order, as they stood in `sql/migrations` when this was generated.
            public enum Migrations {
                public struct Item: Sendable {
                    public let version: Int
                    public let name: String
                    /// SHA-256 of the file, in hexadecimal.
                    public let checksum: String
                    public let sql: String
                }

                public static let all: [Item] = [

            """
        for migration in migrations {
            let checksum = SHA256.hex(Array(migration.sql.utf8))
            text += "        Item(\n            version: \(migration.version), name: \"\(migration.name)\",\n"
            text += "            checksum: \"\(checksum)\",\n"
            text += "            sql: \(literal(migration.sql, indent: 16))),\n"
        }
        return text + "    ]\n}\n"
    }

    private static func header(source: String) -> String {
        "// DO NOT EDIT. Generated by sqlgen (make generate).\n// Source: \(source)\n\n"
    }

    /// A raw multi-line literal with as many `#` as the text needs.
    private static func literal(_ text: String, indent: Int) -> String {
        var hashes = "#"
        while text.contains("\"\"\"" + hashes) || text.contains("\\" + hashes) { hashes += "#" }
        let pad = String(repeating: " ", count: indent)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let body = lines.map { $0.isEmpty ? "" : pad + $0 }.joined(separator: "\n")
        return "\(hashes)\"\"\"\n\(body)\n\(pad)\"\"\"\(hashes)"
    }
}
