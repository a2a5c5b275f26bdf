import TLS
import Testing

/// Two sessions back to back, without a socket: what one puts out, the other gets.
@Suite(.serialized) struct TLSSessionTests {
    static let certificates = Result { try Certificates() }

    static func server(
        _ name: String = "server", verification: TLSConfiguration.ClientVerification = .none,
        protocols: [String] = ["h2"]
    ) throws -> TLSContext {
        let certificates = try Self.certificates.get()
        return try TLSContext(
            .server,
            TLSConfiguration(
                certificateFile: certificates.path("\(name).pem"), keyFile: certificates.path("\(name).key"),
                authorityFile: certificates.path("ca.pem"), clientVerification: verification, protocols: protocols))
    }

    static func client(
        authority: String = "ca", certificate: String? = nil, protocols: [String] = ["h2"]
    ) throws -> TLSContext {
        let certificates = try Self.certificates.get()
        return try TLSContext(
            .client,
            TLSConfiguration(
                certificateFile: certificate.map { certificates.path("\($0).pem") },
                keyFile: certificate.map { certificates.path("\($0).key") },
                authorityFile: certificates.path("\(authority).pem"), protocols: protocols))
    }

    static func output(_ session: TLSSession) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: session.outputSize)
        let size = bytes.withUnsafeMutableBytes { session.takeOutput(into: $0) }
        return Array(bytes[..<size])
    }

    /// Carries bytes both ways until neither side has more to say.
    static func exchange(_ client: TLSSession, _ server: TLSSession) throws {
        if client.state == .handshaking { try client.handshake() }
        while true {
            let toServer = output(client)
            if !toServer.isEmpty { try toServer.withUnsafeBytes { try server.received($0) } }
            let toClient = output(server)
            if !toClient.isEmpty { try toClient.withUnsafeBytes { try client.received($0) } }
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    static func read(_ session: TLSSession) throws -> [UInt8] {
        var space = [UInt8](repeating: 0, count: 1 << 20)
        let size = try space.withUnsafeMutableBytes { try session.read(into: $0) }
        return Array(space[..<size])
    }

    @Test func handshakeAndData() throws {
        let client = try TLSSession(Self.client(), hostname: "localhost")
        let server = try TLSSession(Self.server())
        try Self.exchange(client, server)
        #expect(client.state == .established)
        #expect(server.state == .established)
        #expect(client.alpn == "h2")
        #expect(server.alpn == "h2")
        #expect(server.version == "TLSv1.3")
        let text = [UInt8](repeating: 7, count: 100_000)
        try text.withUnsafeBytes { try client.write($0) }
        try Self.exchange(client, server)
        #expect(try Self.read(server) == text)
        server.close()
        try Self.exchange(client, server)
        #expect(try Self.read(client).isEmpty)
        #expect(client.state == .closed)
    }

    @Test func hostNameMustMatch() throws {
        for (name, isGood) in [
            ("127.0.0.1", true), ("localhost", true), ("elsewhere.example", false), ("10.0.0.1", false),
        ] {
            let client = try TLSSession(Self.client(), hostname: name)
            let server = try TLSSession(Self.server())
            if isGood {
                try Self.exchange(client, server)
                #expect(client.state == .established)
            } else {
                #expect(throws: TLSError.self) { try Self.exchange(client, server) }
                #expect(client.state == .failed)
            }
        }
    }

    @Test func strangersAreRefused() throws {
        let client = try TLSSession(Self.client(authority: "stranger"), hostname: "localhost")
        let server = try TLSSession(Self.server())
        #expect(throws: TLSError.self) { try Self.exchange(client, server) }
    }

    @Test func clientCertificates() throws {
        let known = try TLSSession(Self.client(certificate: "client"), hostname: "localhost")
        let server = try TLSSession(Self.server(verification: .required))
        try Self.exchange(known, server)
        #expect(server.peerNames == ["spiffe://ragdz/worker"])
        let nameless = try TLSSession(Self.client(), hostname: "localhost")
        let strict = try TLSSession(Self.server(verification: .required))
        #expect(throws: TLSError.self) {
            try Self.exchange(nameless, strict)
            _ = try Self.read(nameless)
        }
        #expect(strict.state == .failed)
    }

    @Test func protocolsMustMeet() throws {
        let client = try TLSSession(Self.client(protocols: ["http/1.1"]), hostname: "localhost")
        let server = try TLSSession(Self.server())
        #expect(throws: TLSError.self) { try Self.exchange(client, server) }
        let silent = try TLSSession(Self.client(protocols: []), hostname: "localhost")
        let strict = try TLSSession(Self.server())
        #expect { try Self.exchange(silent, strict) } throws: { ($0 as? TLSError)?.code == .noCommonProtocol }
    }

    @Test func tamperedRecordsAreFatal() throws {
        let client = try TLSSession(Self.client(), hostname: "localhost")
        let server = try TLSSession(Self.server())
        try Self.exchange(client, server)
        try [UInt8](repeating: 1, count: 100).withUnsafeBytes { try client.write($0) }
        var record = Self.output(client)
        record[record.count - 1] ^= 1
        try record.withUnsafeBytes { try server.received($0) }
        #expect { _ = try Self.read(server) } throws: { ($0 as? TLSError)?.code == .protocolViolation }
    }

    @Test func plainTextIsNoHandshake() throws {
        let server = try TLSSession(Self.server())
        #expect {
            try Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8).withUnsafeBytes { try server.received($0) }
        } throws: { ($0 as? TLSError)?.code == .handshakeFailed }
    }

    @Test func badFilesAreNamed() throws {
        let certificates = try Self.certificates.get()
        var configuration = TLSConfiguration(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("client.key"))
        #expect { _ = try TLSContext(.server, configuration) } throws: { "\($0)".contains("client.key") }
        configuration.certificateFile = certificates.path("absent.pem")
        #expect { _ = try TLSContext(.server, configuration) } throws: { "\($0)".contains("absent.pem") }
    }
}
