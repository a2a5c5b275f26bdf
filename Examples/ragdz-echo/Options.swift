import NIOCore
import RPCTransport
import TLS

/// The command line of the example: names, values, and what they set.
struct Options {
    var loops = 1
    var configuration = RPCServer.Configuration(port: 50051)
    var graceSeconds = 10
    private var certificate: String?
    private var key: String?

    static let usage = """
        usage: ragdz-echo [--host ADDRESS] [--port N] [--loops N] [--certificate FILE --key FILE] [--grace SECONDS]
                          [--limit NAME=NUMBER]...
        Limits in milliseconds: handshakeTimeout, idleTimeout, keepaliveInterval, keepaliveTimeout, requestTimeout,
        maximumConnectionAge, connectionGrace, stallTimeout. In bytes: maximumMessageSize, streamBuffer,
        connectionRequestBuffer. A number: maximumConnections.
        """

    struct Misuse: Error { let text: String }

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Misuse(text: "\(name) needs a value\n\(Self.usage)") }
            try set(name, value)
        }
        if let certificate {
            configuration.tls = try TLSCredentials(
                .server, TLSConfiguration(certificateFile: certificate, keyFile: key ?? certificate))
        }
    }

    private mutating func set(_ name: String, _ value: String) throws {
        func number() throws -> Int {
            guard let number = Int(value) else { throw Misuse(text: "\(name) takes a number\n\(Self.usage)") }
            return number
        }
        switch name {
        case "--host": configuration.host = value
        case "--port": configuration.port = try number()
        case "--loops": loops = try number()
        case "--grace": graceSeconds = try number()
        case "--certificate": certificate = value
        case "--key": key = value
        case "--limit":
            let parts = value.split(separator: "=")
            guard parts.count == 2, let number = Int(parts[1]) else { throw Misuse(text: Self.usage) }
            try limit(String(parts[0]), number)
        default: throw Misuse(text: "unknown option \(name)\n\(Self.usage)")
        }
    }

    private mutating func limit(_ name: String, _ number: Int) throws {
        let time = TimeAmount.milliseconds(Int64(number))
        switch name {
        case "handshakeTimeout": configuration.handshakeTimeout = time
        case "idleTimeout": configuration.idleTimeout = time
        case "keepaliveInterval": configuration.keepaliveInterval = time
        case "keepaliveTimeout": configuration.keepaliveTimeout = time
        case "requestTimeout": configuration.requestTimeout = time
        case "maximumConnectionAge": configuration.maximumConnectionAge = time
        case "connectionGrace": configuration.connectionGrace = time
        case "stallTimeout": configuration.stallTimeout = time
        case "maximumConnections": configuration.maximumConnections = number
        case "connectionRequestBuffer": configuration.connectionRequestBuffer = number
        case "maximumMessageSize": configuration.maximumMessageSize = number
        case "streamBuffer": configuration.streamBuffer = number
        default: throw Misuse(text: "unknown limit \(name)\n\(Self.usage)")
        }
    }
}
