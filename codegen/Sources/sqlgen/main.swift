import Foundation

// usage: sqlgen ROOT CONNECTION
// Reads ROOT/sql/queries/*.sql and ROOT/sql/migrations/*.sql, asks the PostgreSQL server at CONNECTION (key=value pairs,
// a superuser, no dbname) for the types, and writes ROOT/Sources/<Room>/Generated/Queries.swift and
// ROOT/Sources/Schema/Generated/Migrations.swift. A file whose content is right already is not touched.

func sqlFiles(in folder: URL) throws -> [URL] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return names.filter { $0.hasSuffix(".sql") }.sorted().map { folder.appendingPathComponent($0) }
}

func write(_ text: String, to file: URL) throws {
    if let present = try? String(contentsOf: file, encoding: .utf8), present == text { return }
    try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    print("wrote \(file.path)")
}

do {
    guard CommandLine.arguments.count == 3 else { throw GeneratorError(description: "usage: sqlgen ROOT CONNECTION") }
    let root = URL(fileURLWithPath: CommandLine.arguments[1])
    let sources = root.appendingPathComponent("Sources")
    let migrations = try sqlFiles(in: root.appendingPathComponent("sql/migrations")).map { try Migration(file: $0) }
        .sorted { $0.version < $1.version }
    // Printed first, so that its own checks come before the server is asked anything.
    let printed = try Printer.migrations(migrations)
    let areas = try sqlFiles(in: root.appendingPathComponent("sql/queries")).map { try Area(file: $0) }
    for area in areas where !FileManager.default.fileExists(atPath: sources.appendingPathComponent(area.room).path) {
        throw GeneratorError(description: "\(area.name).sql: there is no room Sources/\(area.room)")
    }
    let server = try Server.fresh(CommandLine.arguments[2], migrations: migrations)
    for (room, areas) in Dictionary(grouping: areas, by: \.room).sorted(by: { $0.key < $1.key }) {
        let typed = try areas.map { area in
            (area: area, queries: try area.queries.map { try TypedQuery($0, server: server) })
        }
        try write(
            Printer.queries(room: room, areas: typed),
            to: sources.appendingPathComponent("\(room)/Generated/Queries.swift"))
    }
    try write(printed, to: sources.appendingPathComponent("Schema/Generated/Migrations.swift"))
} catch {
    FileHandle.standardError.write(Data("sqlgen: \(error)\n".utf8))
    exit(1)
}
