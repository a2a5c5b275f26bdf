internal import HTTP2
internal import RPC

/// What a request's header list says, read once. Calls with equal headers share one head.
final class RequestHead: Sendable {
    let route: Route?
    let path: String
    let framing: Framing
    /// Set when the request is no RPC that can be answered as one.
    let refusal: Refusal?
    let encoding: Encoding
    let acceptsGzip: Bool
    let metadata: Metadata

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
        route = fields.route
        framing = fields.framing ?? .grpc
        encoding = fields.encoding
        acceptsGzip = fields.acceptsGzip
        metadata = fields.metadata
        if !fields.isPost {
            refusal = Refusal(status: 405, text: "Calls are made with POST.")
        } else if fields.framing == nil {
            refusal = Refusal(status: 415, text: "Calls need content-type application/grpc.")
        } else {
            refusal = nil
        }
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
            } else if !MetadataCoding.isReserved(name) {
                MetadataCoding.add(name, value, to: &metadata)
            }
        }
    }
}
