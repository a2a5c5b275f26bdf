internal import Language

/// The type of a document, by its content.
enum MediaType: String, Sendable {
    case plain = "text/plain"
    case markdown = "text/markdown"
    case html = "text/html"
    case pdf = "application/pdf"
    case csv = "text/csv"
    case mail = "message/rfc822"
    case wordDocument = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    case spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}

/// A heading and how deep it is: 1 is the title.
struct Heading: Sendable, Hashable {
    /// In the text, in Unicode scalars, without marks such as `#`.
    let range: Range<Int>
    let level: Int
}

/// What was read out of a file.
struct ExtractedText: Sendable {
    let mediaType: MediaType
    let text: ScalarText
    /// For each page the scalar at which it starts; `[0]` for a document without pages.
    let pageStarts: [Int]
    /// 0 when the document has no pages.
    let pageCount: Int
    /// In order of their place.
    let headings: [Heading]
    /// What the document calls itself.
    let title: String?

    /// The page of a place in the text, from 1; 0 when there are no pages.
    func page(at offset: Int) -> Int {
        guard pageCount > 0 else { return 0 }
        var low = 0
        var high = pageStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if pageStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }
}

extension ExtractedText {
    var asOnePiece: TextPiece {
        TextPiece(start: 0, scalars: text.scalars, headings: headings, pageStarts: pageStarts)
    }
}

/// A part of the text that is read out of a file; a text is read, kept and cut part by part, so that it is never in memory as a
/// whole. Places count from the text's start, and the line of a heading is in one piece.
struct TextPiece: Sendable, Hashable {
    enum Limits {
        /// Scalars after which a piece ends, where no heading is under way.
        static let target = 32_768
    }

    let start: Int
    let scalars: [Unicode.Scalar]
    let headings: [Heading]
    let pageStarts: [Int]

    var string: String { ScalarText(scalars: scalars).string }
}

/// What is known of a text once its last piece was read.
struct TextSummary: Sendable, Hashable {
    let mediaType: MediaType
    /// What the document calls itself.
    let title: String?
    /// Unicode scalars.
    let count: Int
    /// 0 when the document has no pages.
    let pageCount: Int
}

/// Why a file gave no text. Each has a stable reason, and a message that says what to do.
struct ExtractionError: Error, Sendable, Hashable {
    enum Kind: String, Sendable {
        case emptyFile = "EMPTY_FILE"
        case noText = "NO_TEXT"
        case unsupportedType = "UNSUPPORTED_TYPE"
        case unsupportedEncoding = "UNSUPPORTED_ENCODING"
        case invalidPDF = "INVALID_PDF"
        case encryptedPDF = "ENCRYPTED_PDF"
        case invalidOffice = "INVALID_OFFICE"
        case encryptedOffice = "ENCRYPTED_OFFICE"
        case archiveBomb = "ARCHIVE_BOMB"
        case invalidMail = "INVALID_EML"
        case invalidCSV = "INVALID_CSV"
        case invalidFile = "INVALID_FILE"
        case tooLong = "DOCUMENT_TOO_LONG"
        case tooManyPages = "TOO_MANY_PAGES"
        case timeout = "EXTRACTION_TIMEOUT"
        case extractorMissing = "EXTRACTOR_MISSING"
    }

    let kind: Kind
    /// For the log: what the extractor said.
    let detail: String

    init(_ kind: Kind, detail: String = "") {
        self.kind = kind
        self.detail = detail
    }

    var message: String {
        switch kind {
        case .emptyFile: "The file is empty: send its bytes in `data` messages after the header."
        case .noText:
            "The document has no text. If it is a scan, run character recognition over it and send the result."
        case .unsupportedType:
            "The content is none of PDF, DOCX, XLSX, HTML, mail, CSV, Markdown and plain text: convert it to one of them."
        case .unsupportedEncoding:
            "The text is neither UTF-8 nor UTF-16 with a byte order mark, and declares nothing else: convert it to UTF-8."
        case .invalidPDF: "The PDF is damaged or is none: open it in a reader and save it again."
        case .encryptedPDF: "The PDF is protected by a password: remove the protection and send it again."
        case .invalidOffice: "The Office file is damaged: open it in an Office program and save it again."
        case .encryptedOffice: "The Office file is protected by a password: remove the protection and send it again."
        case .archiveBomb: "The file holds far more than it needs to: open it in an Office program and save it again."
        case .invalidMail: "The mail cannot be read: save it again from the mail program."
        case .invalidCSV: "The table cannot be read: save it again as CSV in UTF-8."
        case .invalidFile: "The file is damaged: open it in its program and save it again."
        case .tooLong: "The document has more than \(RetrievalLimits.documentCharacters) characters: split it."
        case .tooManyPages: "The document has more than \(RetrievalLimits.documentPages) pages: split it."
        case .timeout: "Reading the document took too long: split it, or save it again in a simpler form."
        case .extractorMissing:
            "The server cannot read files of this kind at the moment: its extractors are not installed."
        }
    }
}
