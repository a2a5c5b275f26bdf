import Foundation

struct GeneratorError: Error, CustomStringConvertible {
    let description: String
}

/// One named statement of an area file.
struct Query {
    /// What a call of the statement gives.
    enum Kind: String {
        /// The first row, or nil when there is none.
        case one
        /// All rows.
        case many
        /// Nothing.
        case exec
        /// How many rows it touched.
        case execrows
    }

    let name: String
    let kind: Kind
    let text: StatementText
    /// The row's Swift type, when the file names one: several statements may share it.
    let rowName: String?
    /// Comment lines between the name and the statement: they become the doc comment.
    let comment: [String]
    /// File and line, for messages.
    let place: String
}

/// One `sql/queries/<area>.sql`: a `-- room: X` header, then statements, each after `-- name: x :kind`.
struct Area {
    let name: String
    let room: String
    let queries: [Query]

    private struct Open {
        var name: String
        var kind: Query.Kind
        var rowName: String?
        var comment: [String] = []
        var lines: [String] = []
        var place: String
    }

    init(file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        let text = try String(contentsOf: file, encoding: .utf8)
        var room: String?
        var queries: [Query] = []
        var open: Open?
        for (number, line) in text.components(separatedBy: "\n").enumerated() {
            let place = "\(file.path):\(number + 1)"
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            let isBeforeText = open?.lines.allSatisfy({ $0.isEmpty }) == true
            if let value = Area.value(of: "room", in: trimmed) {
                room = value
            } else if let value = Area.value(of: "name", in: trimmed) {
                if let open { queries.append(try Area.query(open)) }
                open = try Area.opened(value, at: place)
            } else if let value = Area.value(of: "row", in: trimmed), isBeforeText {
                guard value.wholeMatch(of: #/[A-Z][A-Za-z0-9]*/#) != nil else {
                    throw GeneratorError(description: "\(place): \"\(value)\" is no name of a Swift type")
                }
                open?.rowName = value
            } else if trimmed.hasPrefix("--") {
                // A comment before the text documents the statement; one inside it is dropped.
                if isBeforeText {
                    open?.comment.append(trimmed.drop { $0 == "-" }.trimmingCharacters(in: .whitespaces))
                }
            } else if open != nil {
                open?.lines.append(line)
            } else if !trimmed.isEmpty {
                throw GeneratorError(description: "\(place): text before the first `-- name:`: \(trimmed)")
            }
        }
        if let open { queries.append(try Area.query(open)) }
        guard let room else { throw GeneratorError(description: "\(file.path): no `-- room: X` line") }
        self.room = room
        self.queries = queries
    }

    /// `findKey :one`; a capital at the start is taken as the small letter.
    private static func opened(_ value: String, at place: String) throws -> Open {
        guard let match = value.wholeMatch(of: #/([A-Za-z][A-Za-z0-9]*)\s+:([a-z]+)/#),
            let kind = Query.Kind(rawValue: String(match.2))
        else {
            throw GeneratorError(
                description: "\(place): \"\(value)\" is not of the form `findKey :one`; "
                    + "the kinds are :one, :many, :exec and :execrows")
        }
        return Open(name: match.1.prefix(1).lowercased() + match.1.dropFirst(), kind: kind, place: place)
    }

    private static func query(_ open: Open) throws -> Query {
        let sql = open.lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
        let bare = sql.hasSuffix(";") ? String(sql.dropLast()) : sql
        guard !bare.isEmpty else { throw GeneratorError(description: "\(open.place): \(open.name) is empty") }
        if open.rowName != nil, open.kind == .exec || open.kind == .execrows {
            throw GeneratorError(description: "\(open.place): \(open.name) returns no rows, so it has no row type")
        }
        return Query(
            name: open.name, kind: open.kind, text: try StatementText(bare, at: "\(open.place): \(open.name)"),
            rowName: open.rowName, comment: open.comment, place: open.place)
    }

    /// The value of `-- key: value`.
    private static func value(of key: String, in line: String) -> String? {
        guard line.hasPrefix("--") else { return nil }
        let rest = line.dropFirst(2).trimmingCharacters(in: .whitespaces)
        guard rest.hasPrefix(key + ":") else { return nil }
        return rest.dropFirst(key.count + 1).trimmingCharacters(in: .whitespaces)
    }
}

/// One `sql/migrations/NNNN_name.sql`.
struct Migration {
    let version: Int
    let name: String
    let sql: String
    let path: String

    init(file: URL) throws {
        let stem = file.deletingPathExtension().lastPathComponent
        guard let match = stem.wholeMatch(of: #/(\d{4})_([a-z0-9_]+)/#), let version = Int(match.1) else {
            throw GeneratorError(description: "\(file.path): a migration is called NNNN_lower_case_name.sql")
        }
        self.version = version
        name = String(match.2)
        path = file.path
        sql = try String(contentsOf: file, encoding: .utf8)
    }
}
