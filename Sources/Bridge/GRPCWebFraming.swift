internal import Bytes
internal import RPC

/// The frames of gRPC-Web: `flags u8 · length u32 big-endian · payload`, and trailers as a last frame of their own.
enum GRPCWebFraming {
    /// The payload is packed; the bridge takes none such.
    static let compressed: UInt8 = 0x01
    /// The payload is the trailers, as lines of HTTP/1.
    static let trailers: UInt8 = 0x80
    static let headerSize = 5

    /// How the frames travel in the HTTP body.
    enum Form: Sendable, Hashable {
        /// `application/grpc-web+proto`
        case binary
        /// `application/grpc-web-text+proto`: base64, for clients that read text only.
        case text

        /// The form that a content type asks for; nil for any other type, JSON and other codecs included.
        init?(contentType: String) {
            let type = contentType.split(separator: ";", maxSplits: 1).first ?? ""
            switch type.filter({ $0 != " " }).lowercased() {
            case "application/grpc-web", "application/grpc-web+proto": self = .binary
            case "application/grpc-web-text", "application/grpc-web-text+proto": self = .text
            default: return nil
            }
        }

        var contentType: String {
            self == .binary ? "application/grpc-web+proto" : "application/grpc-web-text+proto"
        }

        func encoded(_ frame: [UInt8]) -> [UInt8] {
            self == .binary ? frame : Array(Base64.encode(frame).utf8)
        }
    }

    /// The one message of a request body; whatever else the body holds is `INVALID_ARGUMENT`.
    static func request(_ body: [UInt8], _ form: Form) throws(Status) -> [UInt8] {
        guard let bytes = form == .binary ? body : decodeText(body) else {
            throw .invalidArgument("The body is not base64.", reason: BridgeReason.badFrame)
        }
        guard bytes.count >= headerSize else {
            throw .invalidArgument(
                bytes.isEmpty ? "The call carries no request message." : "The body ends inside the header of a frame.",
                reason: bytes.isEmpty ? "NO_REQUEST" : BridgeReason.badFrame)
        }
        guard bytes[0] != compressed else {
            throw .unimplemented(
                "The request is compressed: the bridge takes requests as they are.", reason: "UNKNOWN_ENCODING")
        }
        guard bytes[0] == 0 else {
            throw .invalidArgument("A request is a frame with the flags 0.", reason: BridgeReason.badFrame)
        }
        let length = bytes[1..<headerSize].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count - headerSize >= length else {
            throw .invalidArgument(
                "The frame announces \(length) bytes and has \(bytes.count - headerSize).",
                reason: BridgeReason.badFrame)
        }
        guard bytes.count - headerSize == length else {
            throw .invalidArgument("The method takes exactly one request.", reason: "TOO_MANY_REQUESTS")
        }
        return Array(bytes[headerSize...])
    }

    /// Base64 in pieces that may each be padded.
    private static func decodeText(_ text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var start = 0
        while start < text.count {
            var end = text[start...].firstIndex(of: UInt8(ascii: "=")) ?? text.count
            while end < text.count, text[end] == UInt8(ascii: "=") { end += 1 }
            guard (end - start) % 4 == 0,
                let piece = text[start..<end].withUnsafeBufferPointer({ Base64.decode($0) })
            else { return nil }
            result += piece
            start = end
        }
        return result
    }

    static func message(_ payload: [UInt8]) -> [UInt8] { frame(0, payload) }

    /// The last frame of every answer.
    static func trailers(_ status: Status, _ metadata: Metadata) -> [UInt8] {
        var lines = "grpc-status: \(status.code.rawValue)\r\n"
        if !status.message.isEmpty { lines += "grpc-message: \(PercentText.encode(status.message))\r\n" }
        if !status.details.isEmpty { lines += "grpc-status-details-bin: \(Base64.encode(status.wireBytes()))\r\n" }
        for entry in metadata.entries {
            switch entry.value {
            case .text(let text): lines += "\(entry.name): \(text)\r\n"
            case .binary(let bytes): lines += "\(entry.name): \(Base64.encode(bytes))\r\n"
            }
        }
        return frame(trailers, Array(lines.utf8))
    }

    private static func frame(_ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(truncatingIfNeeded: payload.count)
        let size = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) }
        return [flags] + size + payload
    }
}

/// `grpc-message`: UTF-8 with everything outside printable ASCII, and `%`, written as `%XX`.
enum PercentText {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encode(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
