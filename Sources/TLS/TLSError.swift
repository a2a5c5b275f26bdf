internal import COpenSSL

/// Why TLS cannot be set up or go on.
public struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// A certificate, key or CA file cannot be read or does not fit.
        case badCredentials
        /// The two sides found no common ground, or one refused the other's certificate.
        case handshakeFailed
        /// The peer sent what no TLS peer sends, or tampered bytes.
        case protocolViolation
        /// The peer does not speak the protocol (ALPN) that the connection is for.
        case noCommonProtocol
        /// The connection ended without the goodbye that TLS asks for: the last bytes may be missing.
        case truncated
    }

    public let code: Code
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// With what OpenSSL has to say, which empties its queue.
    static func openSSL(_ code: Code, _ what: String) -> TLSError {
        var reasons: [String] = []
        while true {
            let number = ERR_get_error()
            guard number != 0 else { break }
            if let text = unsafe ERR_reason_error_string(number) { reasons.append(unsafe String(cString: text)) }
        }
        return TLSError(code, reasons.isEmpty ? what : "\(what): \(reasons.joined(separator: ", "))")
    }
}
