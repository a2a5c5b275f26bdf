/// Why a connection or a stream cannot go on.
public struct HTTP2Error: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Hashable {
        case protocolViolation, closed, tooManyStreams, outOfMemory
    }

    private let kind: Kind
    public let description: String

    private init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The peer broke the protocol so badly that not even a GOAWAY helps.
    static func protocolViolation(_ text: String) -> HTTP2Error { HTTP2Error(.protocolViolation, text) }
    /// The stream or the connection is over.
    public static let closed = HTTP2Error(.closed, "closed")
    /// The peer does not take more streams now.
    public static let tooManyStreams = HTTP2Error(.tooManyStreams, "the peer takes no more streams")
    static let outOfMemory = HTTP2Error(.outOfMemory, "out of memory")
}

/// The error codes of RST_STREAM and GOAWAY (RFC 9113, 7).
public struct HTTP2ErrorCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let noError = HTTP2ErrorCode(rawValue: 0)
    public static let protocolError = HTTP2ErrorCode(rawValue: 1)
    public static let internalError = HTTP2ErrorCode(rawValue: 2)
    public static let flowControl = HTTP2ErrorCode(rawValue: 3)
    public static let streamClosed = HTTP2ErrorCode(rawValue: 5)
    public static let frameSize = HTTP2ErrorCode(rawValue: 6)
    public static let refusedStream = HTTP2ErrorCode(rawValue: 7)
    public static let cancel = HTTP2ErrorCode(rawValue: 8)
    public static let compression = HTTP2ErrorCode(rawValue: 9)
    public static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 11)
    public static let inadequateSecurity = HTTP2ErrorCode(rawValue: 12)
}
