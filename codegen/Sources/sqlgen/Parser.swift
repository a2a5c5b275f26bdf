import Foundation

struct GeneratorError: Error, CustomStringConvertible {
    let description: String
}

/// One named statement of an area file.
struct Query {
    let name: String
    let sql: String
    /// Comment lines between the name and the statement: they become the doc comment.
    let comment: [String]
}

/// One `sql/queries/<area>.sql`: a `-- room: X` header, then statements, each after `-- name: x`.
struct Area {
    let name: String
    let room: String
    let queries: [Query]

    init(file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        let text = try String(contentsOf: file, encoding: .utf8)
        var room: String?
        var queries: [Query] = []
        var open: (name: String, comment: [String], lines: [String])?
        func finish() throws {
            guard let query = open else { return }
            let sql = query.lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
            let bare = sql.hasSuffix(";") ? String(sql.dropLast()) : sql
            guard !bare.isEmpty else { throw GeneratorError(description: "\(file.path): \(query.name) is empty") }
            queries.append(Query(name: query.name, sql: bare, comment: query.comment))
        }
        for line in text.components(separatedBy: "\n") {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if let value = Area.value(of: "room", in: trimmed) {
                room = value
            } else if let value = Area.value(of: "name", in: trimmed) {
                try finish()
                guard value.wholeMatch(of: #/[a-z][A-Za-z0-9]*/#) != nil else {
                    throw GeneratorError(description: "\(file.path): \"\(value)\" is no lowerCamelCase name")
                }
                open = (value, [], [])
            } else if trimmed.hasPrefix("--") {
                // A comment before the text documents the statement; one inside it is dropped.
                if open?.lines.allSatisfy({ $0.isEmpty }) == true {
                    open?.comment.append(trimmed.drop { $0 == "-" }.trimmingCharacters(in: .whitespaces))
                }
            } else if open != nil {
                open?.lines.append(line)
            } else if !trimmed.isEmpty {
                throw GeneratorError(description: "\(file.path): text before the first `-- name:`: \(trimmed)")
            }
        }
        try finish()
        guard let room else { throw GeneratorError(description: "\(file.path): no `-- room: X` line") }
        self.room = room
        self.queries = queries
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

    init(file: URL) throws {
        let stem = file.deletingPathExtension().lastPathComponent
        guard let match = stem.wholeMatch(of: #/(\d{4})_([a-z0-9_]+)/#), let version = Int(match.1) else {
            throw GeneratorError(description: "\(file.path): a migration is called NNNN_lower_case_name.sql")
        }
        self.version = version
        name = String(match.2)
        sql = try String(contentsOf: file, encoding: .utf8)
    }
}
