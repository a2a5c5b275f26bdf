import Foundation
import Testing

/// Style is a test: what DESIGN fixes of the code's shape holds, or the build is red.
@Suite struct TidyTests {
    /// DESIGN's table of rooms: who may import whom. Standard library modules and Foundation have rules of their own.
    static let allowed: [String: Set<String>] = [
        "Bytes": [],
        "LoopExecutor": ["NIOCore", "NIOPosix"],
        "Cryptography": ["COpenSSL", "Bytes"],
        "TLS": ["COpenSSL", "NIOCore"],
        "HTTP2": ["CNGHTTP2", "NIOCore"],
        "ProtoRuntime": ["Bytes"],
        "RPC": ["ProtoRuntime", "Bytes"],
        "RPCTransport": [
            "LoopExecutor", "TLS", "HTTP2", "RPC", "ProtoRuntime", "Bytes", "CZlib", "NIOCore", "NIOPosix", "Logging",
        ],
        "Postgres": ["CPQ", "LoopExecutor", "Bytes", "NIOCore", "NIOPosix", "Logging", "Collections", "DequeModule"],
        "Schema": ["ProtoRuntime", "RPC", "Bytes"],
        "Stores": ["RPC", "Postgres", "Bytes", "Logging"],
        "Language": [],
        "Models": ["CCurl", "Schema", "RPC", "ProtoRuntime", "Bytes", "Logging", "Foundation"],
        "Tenancy": features, "Members": features, "Keys": features, "Workflows": features,
        "Retrieval": features.union(["Language", "Models"]),
        "Streams": ["Stores", "RPC", "Postgres", "Cryptography", "Bytes", "Logging"],
        "Embedded": ["Bytes", "NIOCore", "NIOPosix", "Logging", "Foundation"],
        "Bridge": [
            "RPC", "Schema", "ProtoRuntime", "Bytes", "LoopExecutor", "Logging", "NIOCore", "NIOPosix", "NIOHTTP1",
            "Hummingbird", "HTTPTypes", "Foundation",
        ],
    ]
    static let features: Set<String> = [
        "Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Cryptography", "Bytes", "Logging", "LoopExecutor",
    ]
    /// What comes with the toolchain and brings no dependency.
    static let toolchain: Set<String> = ["Swift", "Glibc", "Synchronization", "Dispatch", "Builtin", "_Concurrency"]

    @Test func roomsImportOnlyWhatTheDesignAllows() throws {
        for file in try SourceTree.swiftFiles(under: ["Sources"]) {
            guard let allowed = Self.allowed[file.room] else {
                #expect(["ragdzd", "ragdz"].contains(file.room), "\(file.path) is in a room that DESIGN does not know")
                continue
            }
            for module in Self.imports(of: file) where !Self.toolchain.contains(module) {
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func eachCLibraryHasOneSwiftRoom() throws {
        for module in ["CNGHTTP2", "CPQ", "CCurl", "CZlib"] {
            let rooms = Set(
                try SourceTree.swiftFiles(under: ["Sources"]).filter { Self.imports(of: $0).contains(module) }.map(
                    \.room))
            #expect(rooms.count <= 1, "\(module) is imported by \(rooms.sorted())")
        }
    }

    @Test func filesAreAtMost400Lines() throws {
        for file in try SourceTree.swiftFiles(under: ["Sources", "Tests", "codegen", "Examples"]) {
            #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func functionsAreAtMost60Lines() throws {
        for file in try SourceTree.swiftFiles(under: ["Sources", "codegen"]) {
            for function in Self.functions(in: file) {
                #expect(function.length <= 60, "\(file.path):\(function.line) \(function.length) lines")
            }
        }
    }

    @Test func dataFromOutsideReachesNoTrap() throws {
        let banned = ["try!", " as! ", "fatalError(", "preconditionFailure(", "TODO", "FIXME"]
        for file in try SourceTree.swiftFiles(under: ["Sources", "codegen"]) {
            for (number, line) in file.lines.enumerated() {
                for word in banned where line.contains(word) {
                    Issue.record("\(file.path):\(number + 1) contains \(word)")
                }
            }
        }
    }

    @Test func serverCodeStaysOnItsLoop() throws {
        let free: Set<String> = ["Bridge", "Embedded", "ragdz", "ragdzd"]
        let pattern = /\bTask(\.detached)? *\{/
        for file in try SourceTree.swiftFiles(under: ["Sources"]) where !free.contains(file.room) {
            for (number, line) in file.lines.enumerated()
            where line.firstMatch(of: pattern) != nil && !line.contains("///") {
                Issue.record("\(file.path):\(number + 1) leaves the event loop: \(line)")
            }
        }
    }

    @Test func sqlLivesInSQLFiles() throws {
        let pattern = /"\s*(select|insert into|update|delete from)\s/.ignoresCase()
        for file in try SourceTree.swiftFiles(under: ["Sources"]) {
            if ["Postgres", "Embedded", "Language"].contains(file.room) { continue }
            for (number, line) in file.lines.enumerated() where line.firstMatch(of: pattern) != nil {
                Issue.record("\(file.path):\(number + 1) holds SQL text: \(line)")
            }
        }
    }

    static func imports(of file: SourceTree.File) -> [String] {
        let pattern =
            /^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:(?:public|internal|package|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|func|protocol|typealias)\s+)?(\w+)/
        return file.lines.compactMap { $0.firstMatch(of: pattern).map { String($0.1) } }
    }

    /// Functions by indentation, which swift-format keeps honest: from `func` or `init` to the brace of the same depth.
    static func functions(in file: SourceTree.File) -> [(line: Int, length: Int)] {
        var found: [(line: Int, length: Int)] = []
        let start =
            /^(\s*)(?:@\S+\s+)*(?:(?:public|internal|package|private|fileprivate|static|final|override|mutating|nonisolated|consuming|borrowing|convenience|required)(?:\(\w+\))?\s+)*(?:func\s|init[(?<])/
        for (number, line) in file.lines.enumerated() {
            guard let match = line.firstMatch(of: start) else { continue }
            let close = String(match.1) + "}"
            let rest = file.lines[number...]
            // A declaration without a body (in a protocol) ends before the next blank line or closing brace.
            guard let open = rest.firstIndex(where: { $0.hasSuffix("{") || $0.isEmpty || $0.contains("}") }),
                file.lines[open].hasSuffix("{"),
                let end = file.lines[open...].firstIndex(where: { $0 == close || $0.hasPrefix(close + " ") })
            else { continue }
            found.append((number + 1, end - number + 1))
        }
        return found
    }
}
