internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Documents as raw bytes.
///
/// A client-streaming method whose rule has a body field takes the bytes of the HTTP body in that field, message by
/// message, after a first message made of the path and the query. They are passed on as they come and never held
/// together; the method reads them at its own pace, and TCP makes the sender wait.
extension BridgeResponder {
    func upload(
        _ entry: RouteTable.Entry, _ bindings: [PathTemplate.Binding], _ request: BridgeRequest
    ) async throws -> Response {
        let limit = configuration.limits.upload
        if let length = request.http.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Self.tooLarge(limit)
        }
        guard entry.method.path == Ragdz_V1_Retrieval.Methods.uploadDocument.path else {
            throw Status.unimplemented("This method needs an RPC client: it takes a stream of messages.")
        }
        let header = try Self.uploadHeader(bindings, request)
        let context = request.context(entry.method, timeout: configuration.limits.uploadTimeout)
        let messages = UploadMessages(header: header, body: request.http.body, limit: limit)
        let answer: [UInt8]
        do {
            answer = try await router.callClientStreaming(entry.method.path, requests: messages, context: context)
        } catch { return Self.problem(Status(wrapping: error), request, context) }
        return try Self.message(entry, answer, context)
    }

    /// The fields of the header come from the path (`collection`) and from parameters (`filename`, `title`, and what the
    /// document is about: `country`, `theme`, `source`, `official`, `tag`, `group`, of which the last two may repeat).
    private static func uploadHeader(
        _ bindings: [PathTemplate.Binding], _ request: BridgeRequest
    ) throws -> Ragdz_V1_UploadHeader {
        var header = Ragdz_V1_UploadHeader()
        var about = Ragdz_V1_DocumentAttributes()
        header.collection = bindings.first { $0.field == ["header", "collection"] }?.value ?? ""
        for parameter in try request.query().parameters {
            switch parameter.name {
            case "filename": header.filename = parameter.value
            case "title": header.title = parameter.value
            case "country": about.country = parameter.value
            case "theme": about.theme = parameter.value
            case "source": about.source = parameter.value
            case "official": about.official = parameter.value == "true"
            case "tag": about.tags.append(parameter.value)
            case "group": about.groups.append(parameter.value)
            case "replaces": header.replaces = parameter.value
            case "background": header.background = parameter.value == "true" || parameter.value == "1"
            default:
                throw Status.invalidArgument(
                    "The query parameter \(parameter.name.prefix(100)) is unknown: an upload takes filename, title, country, "
                        + "theme, source, official, tag, group, replaces and background.",
                    reason: "INVALID_QUERY_PARAMETER", field: String(parameter.name.prefix(100)))
            }
        }
        if about != Ragdz_V1_DocumentAttributes() { header.attributes = about }
        if header.filename.isEmpty {
            throw Status.invalidArgument(
                "Name the file: POST …/documents?filename=NAME.", reason: "FILENAME_REQUIRED", field: "filename")
        }
        header.mediaType = request.http.headers[.contentType] ?? ""
        if header.mediaType.hasPrefix("multipart/") {
            throw Status.invalidArgument(
                "Send the bytes of the file as the body, not a form: curl --data-binary @FILE.",
                reason: BridgeReason.unsupportedMediaType)
        }
        return header
    }
}

/// The messages of an upload, made as the bytes arrive.
struct UploadMessages: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = any Error
    /// Bytes that are gathered into one message, well below the 1 MiB that the contract allows.
    static let messageSize = 256 << 10

    let header: Ragdz_V1_UploadHeader
    let body: RequestBody
    let limit: Int

    func makeAsyncIterator() -> Iterator { Iterator(header: header, bytes: body.makeAsyncIterator(), limit: limit) }

    struct Iterator: AsyncIteratorProtocol {
        var header: Ragdz_V1_UploadHeader?
        var bytes: RequestBody.AsyncIterator
        let limit: Int
        var total = 0

        init(header: Ragdz_V1_UploadHeader, bytes: RequestBody.AsyncIterator, limit: Int) {
            self.header = header
            self.bytes = bytes
            self.limit = limit
        }

        mutating func next() async throws -> [UInt8]? {
            var message = Ragdz_V1_UploadDocumentRequest()
            if let header {
                self.header = nil
                message.part = .header(header)
                return message.wireBytes()
            }
            var gathered: [UInt8] = []
            while gathered.count < UploadMessages.messageSize, let buffer = try await bytes.next() {
                total += buffer.readableBytes
                if total > limit { throw BridgeResponder.tooLarge(limit) }
                gathered.append(contentsOf: buffer.readableBytesView)
            }
            guard !gathered.isEmpty else { return nil }
            message.part = .data(gathered)
            return message.wireBytes()
        }
    }
}
