internal import HTTP2
internal import RPC

/// What a request's header list says, read once. Calls with equal headers share one head.
final class RequestHead: Sendable {
    /// Where the call goes; for an unknown path, a route that says so.
    let route: Route
    let isKnown: Bool
    let path: String
    let framing: Framing
    /// Set when the request is no RPC that can be answered as one.
    let refusal: Refusal?
    let encoding: Encoding
    let acceptsGzip: Bool
    let metadata: Metadata
    let resumption: StreamResumption
    /// Why the call cannot be answered at all, though it is one.
    let failure: Status?

    /// The number of the last message that the caller has of this stream.
    var lastSequence: UInt64 {
        if case .after(let position) = resumption { position.lastSequence } else { 0 }
    }

    /// An answer in plain HTTP terms.
    struct Refusal: Sendable {
        let status: Int
        let text: String
    }

    enum Encoding: Sendable {
        case identity, gzip, unknown
    }

    init(_ fields: Fields, router: Router) {
        path = fields.path
        route = fields.route ?? .unknown(fields.path)
        isKnown = fields.route != nil
        framing = fields.framing ?? .grpc
        encoding = fields.encoding
        acceptsGzip = fields.acceptsGzip
        metadata = fields.metadata
        (resumption, failure) = Self.resumption(fields)
        if !fields.isPost {
            refusal = Refusal(status: 405, text: "Calls are made with POST.")
        } else if fields.framing == nil {
            refusal = Refusal(status: 415, text: "Calls need content-type application/grpc.")
        } else {
            refusal = nil
        }
    }

    /// Streams are taken up in RAG-DZ framing alone: its sequence numbers tell where.
    private static func resumption(_ fields: Fields) -> (StreamResumption, Status?) {
        guard fields.framing == .ragdz, fields.route?.isResumable == true else {
            return (.unsupported, fields.resume == nil ? nil : .notResumable)
        }
        guard let resume = fields.resume else { return (.fresh, nil) }
        guard let position = StreamPosition(header: resume, check: fields.resumeCheck) else {
            return (.unsupported, .resumeMalformed)
        }
        return (.after(position), nil)
    }

    /// Collects the fields of one header list.
    struct Fields {
        var route: Route?
        var path = ""
        var framing: Framing?
        var isPost = false
        var encoding = Encoding.identity
        var acceptsGzip = false
        var metadata = Metadata()
        var resume: String?
        var resumeCheck: String?

        mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ router: Router) {
            if name.first == UInt8(ascii: ":") {
                if name.equals(":path") {
                    route = router.route(path: value)
                    if route == nil { path = String(decoding: value, as: UTF8.self) }
                } else if name.equals(":method") {
                    isPost = value.equals("POST")
                } else if name.equals(":authority") {
                    metadata.add(uncheckedName: "host", .text(String(decoding: value, as: UTF8.self)))
                }
            } else if name.equals("content-type") {
                framing = Framing(contentType: value)
            } else if name.equals("grpc-encoding") {
                encoding = value.equals("gzip") ? .gzip : value.equals("identity") ? .identity : .unknown
            } else if name.equals("grpc-accept-encoding") {
                acceptsGzip = value.split(separator: UInt8(ascii: ",")).contains {
                    let item = $0.drop(while: { $0 == 0x20 })
                    return UnsafeRawBufferPointer(rebasing: item).starts(with: "gzip")
                }
            } else if name.equals("ragdz-resume") {
                resume = String(decoding: value, as: UTF8.self)
            } else if name.equals("ragdz-resume-check") {
                resumeCheck = String(decoding: value, as: UTF8.self)
            } else if !MetadataCoding.isReserved(name) {
                MetadataCoding.add(name, value, to: &metadata)
            }
        }
    }
}
