internal import COpenSSL

/// What one side of TLS shows and demands.
public struct TLSConfiguration: Sendable {
    /// The client's certificate, from the server's point of view.
    public enum ClientVerification: Sendable, Hashable {
        case none
        /// A certificate that is sent must be good; none is fine.
        case optional
        case required
    }

    /// PEM file with the own certificate first and its intermediates after it. A server needs one.
    public var certificateFile: String?
    /// PEM file with the key of that certificate.
    public var keyFile: String?
    /// PEM file with the CAs that are trusted; nil trusts the system's (on a client).
    public var authorityFile: String?
    public var clientVerification: ClientVerification
    /// In order of preference. Default: `h2` alone.
    public var protocols: [String]

    public init(
        certificateFile: String? = nil, keyFile: String? = nil, authorityFile: String? = nil,
        clientVerification: ClientVerification = .none, protocols: [String] = ["h2"]
    ) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
        self.clientVerification = clientVerification
        self.protocols = protocols
    }
}

/// Credentials and rules, read and checked once, shared by many connections.
///
/// TLS 1.2 (ECDHE with AES-GCM or ChaCha20 only) and 1.3; no renegotiation, compression or session tickets.
///
/// Unchecked: the `SSL_CTX` is complete after `init` and only read, and OpenSSL counts its references atomically.
@safe public final class TLSContext: @unchecked Sendable {
    public enum Role: Sendable { case server, client }

    public let role: Role
    let context: OpaquePointer
    /// In ALPN's form; the selection callback holds a pointer to this object.
    let protocols: [UInt8]

    static let ciphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20"
    /// The key exchanges of Mozilla's recommendations; the rest of OpenSSL's list is slow and hardly used.
    static let groups = "X25519:P-256:P-384"

    public init(_ role: Role, _ configuration: TLSConfiguration) throws(TLSError) {
        guard let context = unsafe SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
            throw .openSSL(.badCredentials, "no TLS context")
        }
        self.role = role
        unsafe self.context = unsafe context
        protocols = configuration.protocols.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) }
        unsafe ragdz_ctx_harden(context)
        guard unsafe ragdz_ctx_set_versions(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1,
            unsafe SSL_CTX_set_cipher_list(context, Self.ciphers12) == 1,
            unsafe ragdz_ctx_set_groups(context, Self.groups) == 1
        else { throw .openSSL(.badCredentials, "TLS versions, ciphers or groups") }
        try loadCredentials(configuration)
        try loadAuthorities(configuration)
        try offerProtocols()
    }

    deinit { unsafe SSL_CTX_free(context) }

    private func loadCredentials(_ configuration: TLSConfiguration) throws(TLSError) {
        guard let certificate = configuration.certificateFile else {
            if role == .server { throw TLSError(.badCredentials, "a TLS server needs a certificate file") }
            return
        }
        let key = configuration.keyFile ?? certificate
        guard unsafe SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw .openSSL(.badCredentials, "certificate file \(certificate)")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
            unsafe SSL_CTX_check_private_key(context) == 1
        else { throw .openSSL(.badCredentials, "key file \(key)") }
    }

    private func loadAuthorities(_ configuration: TLSConfiguration) throws(TLSError) {
        if let file = configuration.authorityFile {
            guard unsafe SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw .openSSL(.badCredentials, "CA file \(file)")
            }
        } else if role == .client {
            unsafe SSL_CTX_set_default_verify_paths(context)
        }
        switch (role, configuration.clientVerification) {
        case (.client, _): unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        case (.server, .none): unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        case (.server, .optional): unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        case (.server, .required):
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    private func offerProtocols() throws(TLSError) {
        guard !protocols.isEmpty else { return }
        if role == .client {
            // Alone among these functions, this one returns 0 for success.
            guard unsafe SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0 else {
                throw .openSSL(.badCredentials, "ALPN protocols")
            }
        } else {
            // The context belongs to us and dies in our deinit: no reference is taken.
            let me = unsafe Unmanaged.passUnretained(self).toOpaque()
            unsafe SSL_CTX_set_alpn_select_cb(
                context,
                { _, chosen, length, offered, count, me in
                    unsafe TLSContext.choose(me, chosen, length, offered, count)
                }, me)
        }
    }

    /// Picks the first of our protocols that the client offers; without one the handshake fails.
    private static func choose(
        _ me: UnsafeMutableRawPointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ length: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: UInt32
    ) -> Int32 {
        guard let me = unsafe me, let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let context = unsafe Unmanaged<TLSContext>.fromOpaque(me).takeUnretainedValue()
        let offers = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
        var ours = 0
        while ours < context.protocols.count {
            let wanted = context.protocols[ours..<ours + 1 + Int(context.protocols[ours])]
            var theirs = 0
            while theirs < offers.count, unsafe theirs + 1 + Int(offers[theirs]) <= offers.count {
                let end = unsafe theirs + 1 + Int(offers[theirs])
                if unsafe offers[theirs..<end].elementsEqual(wanted) {
                    unsafe chosen?.pointee = offered + theirs + 1
                    unsafe length?.pointee = offered[theirs]
                    return SSL_TLSEXT_ERR_OK
                }
                theirs = end
            }
            ours += wanted.count
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
