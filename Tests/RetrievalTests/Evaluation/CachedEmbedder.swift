import Bytes
import Cryptography
import Foundation
import Models

@testable import Retrieval

/// Remembers vectors by the hash of their text, in a file, so that a second run of an evaluation embeds little.
actor CachedEmbedder: TextEmbedder {
    nonisolated let model: String
    nonisolated let dimension: Int
    private let inner: any TextEmbedder
    private let file: URL
    private var known: [String: [Float]] = [:]
    private var fresh = Data()

    init(_ inner: any TextEmbedder, folder: URL) throws {
        self.inner = inner
        model = inner.model
        dimension = inner.dimension
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        file = folder.appendingPathComponent("\(inner.model)-\(inner.dimension).vectors")
        let width = 64 + 4 * inner.dimension
        guard let bytes = try? Data(contentsOf: file) else { return }
        for start in stride(from: 0, to: bytes.count - width + 1, by: width) {
            let key = String(decoding: bytes[start..<(start + 64)], as: UTF8.self)
            let vector = bytes[(start + 64)..<(start + width)].withUnsafeBytes { raw in
                (0..<inner.dimension).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            known[key] = vector
        }
    }

    func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        let keys = texts.map { Hex.encode(SHA256.hash(Array($0.utf8))) }
        let missing = texts.indices.filter { known[keys[$0]] == nil }
        if !missing.isEmpty {
            let vectors = try await inner.embed(missing.map { texts[$0] })
            for (index, vector) in zip(missing, vectors) {
                known[keys[index]] = vector
                fresh.append(Data(keys[index].utf8))
                vector.withUnsafeBytes { fresh.append(contentsOf: $0) }
            }
        }
        return keys.map { known[$0] ?? [] }
    }

    /// Adds what is new to the file.
    func save() throws {
        if !FileManager.default.fileExists(atPath: file.path) {
            FileManager.default.createFile(atPath: file.path, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: fresh)
        try handle.close()
        fresh = Data()
    }
}
