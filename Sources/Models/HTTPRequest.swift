/// A request to a model server or another HTTP service.
public struct HTTPRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    /// What a transfer may take.
    public struct Limits: Sendable {
        /// Milliseconds until the connection stands.
        public var connectMilliseconds: Int
        /// Milliseconds for the whole transfer.
        public var totalMilliseconds: Int
        /// Seconds without a byte after which a transfer is given up.
        public var silentSeconds: Int
        /// Bytes of the response's body.
        public var responseBytes: Int

        public init(connectMilliseconds: Int, totalMilliseconds: Int, silentSeconds: Int, responseBytes: Int) {
            self.connectMilliseconds = connectMilliseconds
            self.totalMilliseconds = totalMilliseconds
            self.silentSeconds = silentSeconds
            self.responseBytes = responseBytes
        }

        /// 3 s to connect, 30 s in all, 20 s of silence, 16 MiB.
        public static var defaults: Limits {
            Limits(
                connectMilliseconds: 3_000, totalMilliseconds: 30_000, silentSeconds: 20,
                responseBytes: 16 * 1_048_576)
        }
    }

    public var method: Method
    /// `http:` or `https:`; nothing else is followed, and no redirect is.
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var limits: Limits
    /// Connect to this Unix socket instead of the URL's host.
    public var unixSocket: String?

    public init(
        _ method: Method, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        limits: Limits = .defaults, unixSocket: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.limits = limits
        self.unixSocket = unixSocket
    }
}

/// An answer with its whole body.
public struct HTTPResponse: Sendable {
    public let status: Int
    /// Names in lower case, in the order of arrival.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]

    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// What arrives in the course of a transfer.
public enum HTTPEvent: Sendable {
    /// Once, before any body.
    case head(status: Int, headers: [(name: String, value: String)])
    case body([UInt8])
}

/// Why a transfer gave no answer.
public struct HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. More may be added.
    public struct Code: Sendable, Hashable {
        private enum Kind: Hashable {
            case connect, timeout, tooLarge, invalidURL, cancelled, closed, transfer
        }
        private let kind: Kind
        /// Nobody listens there, the name does not resolve, or TLS failed.
        public static let connect = Code(kind: .connect)
        public static let timeout = Code(kind: .timeout)
        public static let tooLarge = Code(kind: .tooLarge)
        public static let invalidURL = Code(kind: .invalidURL)
        public static let cancelled = Code(kind: .cancelled)
        /// The client was closed.
        public static let closed = Code(kind: .closed)
        /// The connection broke, or the peer does not speak HTTP.
        public static let transfer = Code(kind: .transfer)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
