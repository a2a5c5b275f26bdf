import CLibPQ

/// The PostgreSQL that knows the types: a database of its own with all migrations applied, dropped at the end.
final class Server {
    private let connection: OpaquePointer

    init(url: String) throws {
        guard let opened = PQconnectdb(url) else { throw GeneratorError(description: "out of memory") }
        connection = opened
        guard PQstatus(opened) == CONNECTION_OK else {
            throw GeneratorError(description: "no PostgreSQL at \(url): \(String(cString: PQerrorMessage(opened)))")
        }
        _ = PQsetNoticeReceiver(opened, { _, _ in }, nil)
    }

    deinit { PQfinish(connection) }

    /// Opens a fresh database on the server at `url`, a connection string of `key=value` pairs without a database.
    static func fresh(_ url: String, migrations: [Migration]) throws -> Server {
        let name = "sqlgen"
        let outside = try Server(url: url + " dbname=postgres")
        try outside.run("drop database if exists \(name) with (force)")
        try outside.run("create database \(name)")
        let server = try Server(url: url + " dbname=\(name)")
        for migration in migrations {
            do { try server.apply(migration) } catch {
                throw GeneratorError(description: "\(migration.path): \(error)")
            }
        }
        return server
    }

    /// As the migrator does: as the owner, but for the first one, which makes that role.
    private func apply(_ migration: Migration) throws {
        if let steps = migration.stepsOutsideTransaction {
            try run("set role ragdz_owner")
            for step in steps { try run(step) }
            try run("reset role")
            return
        }
        let owner = migration.version > 1 ? "set local role ragdz_owner;" : ""
        try run("begin;\(owner)")
        try run(migration.sql)
        try run("commit")
    }

    @discardableResult
    func run(_ sql: String) throws -> [[String?]] {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
        default: throw GeneratorError(description: message(of: result))
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { field in
                PQgetisnull(result, row, field) == 1 ? nil : String(cString: PQgetvalue(result, row, field))
            }
        }
    }

    private func message(of result: OpaquePointer?) -> String {
        String(cString: PQresultErrorMessage(result)).split(separator: "\n")
            .joined(separator: " ")
    }

    /// What the server says about a statement.
    struct Description {
        struct Column {
            let name: String
            let type: UInt32
            /// The column of a table that the value comes from unchanged.
            let table: UInt32
            let number: Int32
        }
        let parameters: [UInt32]
        let columns: [Column]
    }

    func describe(_ sql: String) throws -> Description {
        let prepared = PQprepare(connection, "", sql, 0, nil)
        defer { PQclear(prepared) }
        guard PQresultStatus(prepared) == PGRES_COMMAND_OK else {
            throw GeneratorError(description: message(of: prepared))
        }
        let result = PQdescribePrepared(connection, "")
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw GeneratorError(description: message(of: result)) }
        return Description(
            parameters: (0..<PQnparams(result)).map { PQparamtype(result, $0) },
            columns: (0..<PQnfields(result)).map {
                Description.Column(
                    name: String(cString: PQfname(result, $0)), type: PQftype(result, $0),
                    table: PQftable(result, $0), number: PQftablecol(result, $0))
            })
    }

    /// `schema.name` of a type, with what it is an array of.
    struct TypeName {
        let name: String
        let kind: String
        let element: UInt32
    }

    private var typeNames: [UInt32: TypeName] = [:]

    func typeName(_ oid: UInt32) throws -> TypeName {
        if let known = typeNames[oid] { return known }
        let rows = try run(
            "select typname, typtype, case when typcategory = 'A' then typelem else 0 end from pg_type where oid = \(oid)"
        )
        guard let row = rows.first, let name = row[0], let kind = row[1], let element = row[2].flatMap({ UInt32($0) })
        else { throw GeneratorError(description: "the server does not know the type \(oid)") }
        let found = TypeName(name: name, kind: kind, element: element)
        typeNames[oid] = found
        return found
    }

    func isNotNull(table: UInt32, number: Int32) throws -> Bool {
        try run("select attnotnull from pg_attribute where attrelid = \(table) and attnum = \(number)").first?[0] == "t"
    }
}

extension Migration {
    /// The steps of a migration that cannot run in a transaction, such as one that makes an index concurrently: its
    /// first line says so, and each step begins with a line `-- step`. Nil for an ordinary one.
    var stepsOutsideTransaction: [String]? {
        guard sql.hasPrefix("-- outside a transaction\n") else { return nil }
        return sql.split(separator: "\n-- step").dropFirst().map(String.init).map { step in
            step.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
        }
    }
}
