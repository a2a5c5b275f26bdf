import Foundation

// usage: sqlgen ROOT
// Reads ROOT/sql/queries/*.sql and ROOT/sql/migrations/*.sql; writes ROOT/Sources/<Room>/Generated/Queries.swift and
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
    let root = URL(fileURLWithPath: CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : ".")
    let sources = root.appendingPathComponent("Sources")
    let areas = try sqlFiles(in: root.appendingPathComponent("sql/queries")).map { try Area(file: $0) }
    for (room, areas) in Dictionary(grouping: areas, by: \.room).sorted(by: { $0.key < $1.key }) {
        guard FileManager.default.fileExists(atPath: sources.appendingPathComponent(room).path) else {
            throw GeneratorError(description: "\(areas[0].name).sql: there is no room Sources/\(room)")
        }
        let file = sources.appendingPathComponent("\(room)/Generated/Queries.swift")
        try write(Printer.queries(room: room, areas: areas), to: file)
    }
    let migrations = try sqlFiles(in: root.appendingPathComponent("sql/migrations")).map { try Migration(file: $0) }
    try write(
        Printer.migrations(migrations.sorted { $0.version < $1.version }),
        to: sources.appendingPathComponent("Schema/Generated/Migrations.swift"))
} catch {
    FileHandle.standardError.write(Data("sqlgen: \(error)\n".utf8))
    exit(1)
}
