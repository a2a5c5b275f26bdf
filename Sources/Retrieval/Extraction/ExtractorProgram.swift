internal import Glibc
internal import Language

/// The program that reads files whose formats are not safe to read in this process: `scripts/extractor.py`, run by the Python
/// of the runtime folder.
public struct ExtractorProgram: Sendable, Hashable {
    public var python: String
    public var script: String

    public init(python: String, script: String) {
        self.python = python
        self.script = script
    }
}

/// Runs the extractor as a bounded child and reads what it writes.
struct ChildExtractor: Sendable {
    /// What the child can be asked for.
    enum Kind: Sendable, Hashable {
        case pdf, office, mail, table
        /// From a character set to UTF-8.
        case recode(String)

        var arguments: [String] {
            switch self {
            case .pdf: ["pdf"]
            case .office: ["office"]
            case .mail: ["eml"]
            case .table: ["csv"]
            case .recode(let charset): ["recode", charset]
            }
        }
    }

    let program: ExtractorProgram?
    var limits = ChildLimits()

    /// The child's output, once it has ended well.
    func run(_ kind: Kind, on source: ByteSource) async throws -> Spool {
        guard let program else { throw ExtractionError(.extractorMissing, detail: "no extractor is configured") }
        let file = try UnlinkedFile()
        var ordinal = 0
        while let piece = try await source.piece(ordinal) {
            try file.append(piece)
            ordinal += 1
        }
        try file.rewind()
        let result: ChildResult
        do {
            result = try await ChildProcess.run(
                [program.python, "-I", program.script] + kind.arguments, input: file.descriptor, limits: limits)
        } catch let error as ChildLaunchError {
            throw ExtractionError(.extractorMissing, detail: "errno \(error.code)")
        }
        try Self.check(result, kind)
        return result.output
    }

    private static func check(_ result: ChildResult, _ kind: Kind) throws {
        let said = String(decoding: result.errors.prefix(500), as: UTF8.self)
        switch result.end {
        case .exited(0): return
        // Its own word: "REASON: detail".
        case .exited(3): throw ExtractionError(Self.reason(said), detail: said)
        // What prlimit says when there is no such program.
        case .exited(127): throw ExtractionError(.extractorMissing, detail: said)
        // Python could not start, or there is no such script.
        case .exited(2) where kind != .pdf: throw ExtractionError(.extractorMissing, detail: said)
        case .exited where said.contains("password") || said.contains("ncrypt"):
            throw ExtractionError(.encryptedPDF, detail: said)
        case .exited(let code): throw ExtractionError(invalid(kind), detail: "exit \(code): \(said)")
        case .signalled(SIGXCPU), .signalled(SIGKILL), .timeout: throw ExtractionError(.timeout)
        case .signalled(let signal): throw ExtractionError(invalid(kind), detail: "signal \(signal): \(said)")
        case .outputTooLarge: throw ExtractionError(.tooLong)
        case .cancelled: throw CancellationError()
        }
    }

    private static func invalid(_ kind: Kind) -> ExtractionError.Kind { kind == .pdf ? .invalidPDF : .invalidFile }

    private static func reason(_ said: String) -> ExtractionError.Kind {
        let word = said.prefix { $0 != ":" && $0 != "\n" }
        return ExtractionError.Kind(rawValue: String(word)) ?? .invalidFile
    }
}

/// The bytes of an upload, piece by piece.
struct ByteSource: Sendable {
    /// Nil after the last one.
    let piece: @Sendable (Int) async throws -> [UInt8]?

    init(piece: @escaping @Sendable (Int) async throws -> [UInt8]?) { self.piece = piece }

    init(_ bytes: [UInt8]) { piece = { $0 == 0 && !bytes.isEmpty ? bytes : nil } }

    /// All of them, for what is read in this process.
    func all() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var ordinal = 0
        while let next = try await piece(ordinal) {
            if ordinal == 0 { bytes = next } else { bytes.append(contentsOf: next) }
            ordinal += 1
        }
        return bytes
    }
}

/// A file without a name, so that it goes with its owner, also when that is killed.
final class UnlinkedFile: Sendable {
    let descriptor: Int32

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/ragdz-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ChildLaunchError(code: errno) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { rmdir(folder) }
        let file = "\(folder)/file"
        descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ChildLaunchError(code: errno) }
        unlink(file)
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { throw ChildLaunchError(code: errno) }
            written += max(0, count)
        }
    }

    func rewind() throws {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw ChildLaunchError(code: errno) }
    }
}
