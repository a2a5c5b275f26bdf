internal import Glibc
internal import Language

/// The text of a PDF, by poppler's pdftotext in a bounded child process.
enum PDFText {
    static func extract(_ bytes: [UInt8], limits: ChildLimits) async throws -> ExtractedText {
        let folder = try TemporaryFolder()
        let file = try folder.write(bytes, name: "document.pdf")
        let result: ChildResult
        do {
            result = try await ChildProcess.run(
                ["pdftotext", "-enc", "UTF-8", "-eol", "unix", file, "-"], limits: limits)
        } catch let error as ChildLaunchError {
            throw ExtractionError(.extractorMissing, detail: "errno \(error.code)")
        }
        try check(result)
        // Before it is decoded: in memory every character takes four bytes, several times over.
        try TextDecoding.checkLength(result.output)
        guard let output = String(validating: result.output, as: UTF8.self) else {
            throw ExtractionError(.invalidPDF, detail: "pdftotext gave no UTF-8")
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            try paged(TextDecoding.clean(output))
        }
    }

    private static func check(_ result: ChildResult) throws {
        let said = String(decoding: result.errors.prefix(500), as: UTF8.self)
        switch result.end {
        case .exited(0): return
        // What prlimit says when there is no such program.
        case .exited(127): throw ExtractionError(.extractorMissing, detail: said)
        case .exited where said.contains("password") || said.contains("ncrypt"):
            throw ExtractionError(.encryptedPDF, detail: said)
        case .exited(let code): throw ExtractionError(.invalidPDF, detail: "exit \(code): \(said)")
        case .signalled(SIGXCPU), .timeout: throw ExtractionError(.timeout)
        case .signalled(let signal): throw ExtractionError(.invalidPDF, detail: "signal \(signal): \(said)")
        case .outputTooLarge: throw ExtractionError(.tooLong)
        case .cancelled: throw CancellationError()
        }
    }

    /// A form feed ends each page, also the last one.
    static func paged(_ scalars: [Unicode.Scalar]) throws(ExtractionError) -> ExtractedText {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(scalars.count)
        var starts = [0]
        for scalar in scalars {
            if scalar == "\u{0C}" {
                // The break between pages is white space, so that words do not run together.
                text.append("\n")
                starts.append(text.count)
            } else {
                text.append(scalar)
            }
        }
        if starts.count > 1, starts.last == text.count { starts.removeLast() }
        guard starts.count <= RetrievalLimits.documentPages else { throw ExtractionError(.tooManyPages) }
        let whole = ScalarText(scalars: text)
        return ExtractedText(
            mediaType: .pdf, text: whole, pageStarts: starts, pageCount: starts.count,
            headings: PlainText.plainHeadings(whole), title: nil)
    }
}

/// A folder that only we can read, and that goes with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("\(Self.parent)/ragdz-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ChildLaunchError(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        unlink("\(path)/document.pdf")
        rmdir(path)
    }

    private static var parent: String {
        guard let folder = getenv("TMPDIR") else { return "/tmp" }
        return String(cString: folder)
    }

    func write(_ bytes: [UInt8], name: String) throws -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ChildLaunchError(code: errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { throw ChildLaunchError(code: errno) }
            written += max(0, count)
        }
        return file
    }
}
