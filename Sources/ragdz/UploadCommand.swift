internal import ArgumentParser
internal import Foundation
internal import RPC
internal import Schema
internal import Synchronization

/// `ragdz doc upload`
struct UploadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Puts files into a collection.",
        discussion: "A file that fails does not stop the others; the exit code is that of the first failure.")

    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Id or name of the collection.") var collection: String
    @Option(help: "Title of the document, when there is one file only.") var title: String?
    @OptionGroup(title: "What it is about") var about: AttributeOptions
    @Option(help: "Id of the document whose new version the file is.") var replaces: String?
    @Flag(help: "Do not wait until the documents are stored.") var background = false
    @Option(help: "Goes on with an upload that broke off; the file is the same one.") var resume: String?
    @Argument(help: "Files.", completion: .file()) var files: [String]

    func validate() throws {
        if title != nil, files.count > 1 { throw ValidationError("--title is for one file only.") }
        if resume != nil, files.count > 1 { throw ValidationError("--resume is for one file only.") }
        if replaces != nil, files.count > 1 { throw ValidationError("--replaces is for one file only.") }
        for file in files {
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
            if isThere, isFolder.boolValue { throw ValidationError("\(file) is a folder: name the files in it.") }
            guard FileManager.default.isReadableFile(atPath: file) else {
                throw ValidationError("\(file) cannot be read.")
            }
        }
    }

    func run() async throws {
        let (files, json) = (files, connection.json)
        let (attributes, paths) = try about.read()
        var header = Ragdz_V1_UploadHeader()
        header.collection = collection
        header.title = title ?? ""
        if !paths.isEmpty { header.attributes = attributes }
        header.replaces = replaces ?? ""
        // The stages are shown while it waits, so the server is not asked to wait.
        header.background = true
        try await Session.run(connection) { [header, background, resume] session in
            var firstFailure: Status?
            for (index, file) in files.enumerated() {
                let place = files.count > 1 ? "[\(index + 1)/\(files.count)] " : ""
                do {
                    let upload = Upload(file: file, header: header, label: place, waits: !background, resume: resume)
                    let (document, elapsed) = try await upload.run(session)
                    if json { try Terminal.printJSON(document) } else { Self.report(document, place, elapsed) }
                } catch let status as Status {
                    firstFailure = firstFailure ?? status
                    Terminal.complain("\(place)\(file): \(status.message)\(status.reason.map { " [\($0)]" } ?? "")")
                    if status.code == .unavailable || status.code == .unauthenticated { break }
                }
            }
            if let firstFailure { throw firstFailure }
        }
    }

    private static func report(_ document: Ragdz_V1_Document, _ place: String, _ elapsed: Duration) {
        let seconds = Double(elapsed.wholeNanoseconds) / 1e9
        if document.state == .pending {
            return Terminal.write(
                "\(place)\(document.filename): pending, ingest \(document.ingestID) → \(document.id)\n")
        }
        let known = document.duplicate ? ", was there already" : ""
        Terminal.write(
            """
            \(place)\(document.filename): \(document.language), \(document.chunkCount) chunks, \
            \(Terminal.bytes(document.byteSize)), \((seconds * 1000).rounded() / 1000) s\(known) → \(document.id)

            """)
    }
}

/// One file on its way.
struct Upload: Sendable {
    let file: String
    let header: Ragdz_V1_UploadHeader
    let label: String
    /// Until the document is stored.
    let waits: Bool
    /// The id of an upload that broke off.
    var resume: String?

    /// The document and how long it took until the server had stored it.
    func run(_ session: Session) async throws -> (Ragdz_V1_Document, Duration) {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw Status.notFound("\(file) cannot be read.", reason: "FILE_UNREADABLE")
        }
        defer { try? handle.close() }
        let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
        var header = header
        header.filename = URL(fileURLWithPath: file).lastPathComponent
        let progress = ProgressBar(label: label + header.filename, total: size)
        let start = ContinuousClock.now
        defer { progress.clear() }
        let client = Ragdz_V1_Retrieval.Client(session.client)
        if resume != nil || size >= ResumingUpload.Limits.size {
            let parts = ResumingUpload(client: client, options: session.options, progress: progress)
            let document = try await parts.run(handle, header, size: size, resuming: resume)
            guard waits, document.state == .pending else { return (document, .now - start) }
            return (try await stored(document, session, progress), .now - start)
        }
        let requests = FileMessages(header: header, handle: handle, progress: progress)
        var options = session.options
        if !options.bindsStreams { options.timeout = .seconds(600) }
        let document = try await client.uploadDocument(requests, options: options)
        guard waits, document.state == .pending else { return (document, .now - start) }
        return (try await stored(document, session, progress), .now - start)
    }

    /// The document once its ingest has ended, whose stages are shown meanwhile.
    private func stored(
        _ document: Ragdz_V1_Document, _ session: Session, _ progress: ProgressBar
    ) async throws -> Ragdz_V1_Document {
        let client = Ragdz_V1_Retrieval.Client(session.client)
        let last = try await IngestCommand.follow(document.ingestID, session) { progress.show($0) }
        guard last.state == .succeeded else { throw IngestCommand.failure(last) }
        var request = Ragdz_V1_GetDocumentRequest()
        request.id = last.documentID
        var stored = try await client.getDocument(request, options: session.options)
        stored.duplicate = last.duplicate
        return stored
    }
}

/// The header and the bytes of a file as messages; a file is read as fast as the server takes it.
struct FileMessages: AsyncSequence, Sendable {
    typealias Element = Ragdz_V1_UploadDocumentRequest
    typealias Failure = any Error
    /// Bytes of one message.
    static let chunk = 256 << 10

    let header: Ragdz_V1_UploadHeader
    let handle: FileHandle
    let progress: ProgressBar

    func makeAsyncIterator() -> Iterator { Iterator(source: self) }

    struct Iterator: AsyncIteratorProtocol {
        let source: FileMessages
        var sentHeader = false

        mutating func next() async throws -> Ragdz_V1_UploadDocumentRequest? {
            var message = Ragdz_V1_UploadDocumentRequest()
            if !sentHeader {
                sentHeader = true
                message.part = .header(source.header)
                return message
            }
            let data: Data?
            do { data = try source.handle.read(upToCount: FileMessages.chunk) } catch {
                // A Status, or the transport would make an unexpected failure of the server of it.
                throw Status.aborted(
                    "\(source.header.filename) cannot be read to its end.", reason: "FILE_UNREADABLE")
            }
            guard let data, !data.isEmpty else {
                source.progress.waiting()
                return nil
            }
            source.progress.add(data.count)
            message.part = .data(Array(data))
            return message
        }
    }
}

/// A bar on the terminal; nothing when standard error is a file.
final class ProgressBar: Sendable {
    private static let width = 30
    private let label: String
    private let total: Int
    private let done = Mutex(0)

    init(label: String, total: Int) {
        self.label = label
        self.total = max(total, 1)
    }

    func add(_ count: Int) {
        let sum = done.withLock { done in
            done += count
            return done
        }
        draw(min(1, Double(sum) / Double(total)), "\(Terminal.bytes(Int64(sum)))")
    }

    /// How far the server is.
    func show(_ ingest: Ragdz_V1_Ingest) {
        let rate = ingest.charactersPerSecond > 0 ? ", \(Int(ingest.charactersPerSecond)) characters/s" : ""
        draw(Double(ingest.percent) / 100, "\(IngestCommand.word(ingest.stage))\(rate)")
    }

    /// Everything is sent; the server reads, cuts and embeds.
    func waiting() { draw(1, "indexing…") }

    private func draw(_ share: Double, _ note: String) {
        guard Terminal.isInteractive else { return }
        let filled = Int(share * Double(Self.width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        Terminal.note("\r\u{1B}[2K\(label.suffix(40)) \(bar) \(Int(share * 100)) % \(note)")
    }

    func clear() { if Terminal.isInteractive { Terminal.note("\r\u{1B}[2K") } }
}
