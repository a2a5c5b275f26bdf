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
    @Argument(help: "Files.", completion: .file()) var files: [String]

    func validate() throws {
        if title != nil, files.count > 1 { throw ValidationError("--title is for one file only.") }
        for file in files where !FileManager.default.isReadableFile(atPath: file) {
            throw ValidationError("\(file) cannot be read.")
        }
    }

    func run() async throws {
        let (files, collection, title, json) = (files, collection, title, connection.json)
        let attributes = try about.read().attributes
        try await Session.run(connection) { session in
            var firstFailure: Status?
            for (index, file) in files.enumerated() {
                let place = files.count > 1 ? "[\(index + 1)/\(files.count)] " : ""
                do {
                    let upload = Upload(
                        file: file, collection: collection, title: title ?? "", label: place, attributes: attributes)
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
    let collection: String
    let title: String
    let label: String
    var attributes = Ragdz_V1_DocumentAttributes()

    /// The document and how long it took until the server had stored it.
    func run(_ session: Session) async throws -> (Ragdz_V1_Document, Duration) {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw Status.notFound("\(file) cannot be read.", reason: "FILE_UNREADABLE")
        }
        defer { try? handle.close() }
        let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
        var header = Ragdz_V1_UploadHeader()
        header.collection = collection
        header.filename = URL(fileURLWithPath: file).lastPathComponent
        header.title = title
        header.attributes = attributes
        let progress = ProgressBar(label: label + header.filename, total: size)
        let start = ContinuousClock.now
        let requests = FileMessages(header: header, handle: handle, progress: progress)
        defer { progress.clear() }
        let client = Ragdz_V1_Retrieval.Client(session.client)
        var options = session.options
        if !options.bindsStreams { options.timeout = .seconds(600) }
        let document = try await client.uploadDocument(requests, options: options)
        return (document, .now - start)
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
            guard let data = try source.handle.read(upToCount: FileMessages.chunk), !data.isEmpty else {
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
