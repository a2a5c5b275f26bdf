import Foundation

/// The files of the checkout that the style rules speak of, read once.
struct SourceTree {
    struct File {
        let path: String
        let lines: [String]

        /// The first folder below `Sources`: the room that the file belongs to.
        var room: String {
            let parts = path.split(separator: "/")
            return parts.count > 1 && parts[0] == "Sources" ? String(parts[1]) : ""
        }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file that people write: Generated and build folders are left out.
    static func swiftFiles(under folders: [String]) throws -> [File] {
        var files: [File] = []
        for folder in folders {
            let base = root.appendingPathComponent(folder)
            let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
            for name in names.sorted() where name.hasSuffix(".swift") {
                let parts = name.split(separator: "/")
                if parts.contains("Generated") || parts.contains(where: { $0.hasPrefix(".build") }) { continue }
                let text = try String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
                files.append(File(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n")))
            }
        }
        return files
    }
}
