internal import COpenSSL

/// One TLS connection without a socket: ciphertext in and out, plaintext out and in.
///
/// `received` takes what the socket gave; `read` then gives plaintext until it has none; `output` is what the socket
/// must send, after every step. What can go wrong is in `TLSError`; after an error `output` may hold an alert.
@safe public final class TLSSession {
    public enum State: Sendable, Hashable {
        case handshaking, established
        /// The peer has said goodbye.
        case closed
        case failed
    }

    public private(set) var state = State.handshaking
    private let ssl: OpaquePointer
    /// Owned by `ssl`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// Keeps the ALPN callback's object alive.
    private let context: TLSContext

    /// A client says which host it wants: its certificate must bear that name or address.
    public init(_ context: TLSContext, hostname: String? = nil) throws(TLSError) {
        guard let ssl = unsafe SSL_new(context.context) else { throw .openSSL(.handshakeFailed, "no TLS session") }
        guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(ssl)
            throw .openSSL(.handshakeFailed, "no memory for TLS")
        }
        unsafe self.ssl = unsafe ssl
        unsafe self.incoming = unsafe incoming
        unsafe self.outgoing = unsafe outgoing
        self.context = context
        // `ssl` takes over the reference to each BIO and frees them with itself.
        unsafe SSL_set_bio(ssl, incoming, outgoing)
        if context.role == .server {
            unsafe SSL_set_accept_state(ssl)
        } else {
            unsafe SSL_set_connect_state(ssl)
            try expect(hostname)
        }
    }

    deinit { unsafe SSL_free(ssl) }

    private func expect(_ hostname: String?) throws(TLSError) {
        guard let hostname else { return }
        let parameters = unsafe SSL_get0_param(ssl)
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, hostname) == 1 { return }
        ERR_clear_error()
        unsafe ragdz_set_server_name(ssl, hostname)
        guard unsafe SSL_set1_host(ssl, hostname) == 1 else {
            throw .openSSL(.handshakeFailed, "host name \(hostname)")
        }
    }

    // MARK: - In

    public func received(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard state != .failed else { throw TLSError(.protocolViolation, "bytes after a failure") }
        let taken = unsafe BIO_write(incoming, bytes.baseAddress, Int32(bytes.count))
        guard taken == Int32(bytes.count) else { throw .openSSL(.protocolViolation, "no memory for TLS") }
        if state == .handshaking { try handshake() }
    }

    /// Goes on with the handshake; a client calls it once to begin.
    public func handshake() throws(TLSError) {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            state = .established
            if !context.protocols.isEmpty, alpn == nil { throw fail(.noCommonProtocol, "the peer chose no protocol") }
            return
        }
        if unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return }
        let verdict = unsafe SSL_get_verify_result(ssl)
        if context.role == .client, verdict != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(verdict)
        {
            throw fail(.handshakeFailed, unsafe "the server's certificate is not accepted (\(String(cString: text)))")
        }
        throw fail(.handshakeFailed, "TLS handshake")
    }

    /// Fills `space` with plaintext; 0 when there is none for now.
    public func read(into space: UnsafeMutableRawBufferPointer) throws(TLSError) -> Int {
        guard state == .established else { return 0 }
        var total = 0
        while total < space.count {
            ERR_clear_error()
            let size = unsafe SSL_read(
                ssl, space.baseAddress.map { unsafe $0 + total }, Int32(clamping: space.count - total))
            if size > 0 {
                total += Int(size)
                continue
            }
            switch unsafe SSL_get_error(ssl, size) {
            case SSL_ERROR_WANT_READ: return total
            case SSL_ERROR_ZERO_RETURN:
                state = .closed
                return total
            default: throw fail(.protocolViolation, "TLS record")
            }
        }
        return total
    }

    private func fail(_ code: TLSError.Code, _ what: String) -> TLSError {
        state = .failed
        return .openSSL(code, what)
    }

    // MARK: - Out

    /// Encrypts all of `bytes`; they leave through `output`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        var done = 0
        while done < bytes.count {
            ERR_clear_error()
            let size = unsafe SSL_write(
                ssl, bytes.baseAddress.map { unsafe $0 + done }, Int32(clamping: bytes.count - done))
            guard size > 0 else { throw fail(.protocolViolation, "TLS write") }
            done += Int(size)
        }
    }

    /// Says goodbye; nothing can be written afterwards.
    public func close() {
        guard state == .established || state == .closed else { return }
        unsafe SSL_shutdown(ssl)
    }

    /// How many bytes wait to be sent.
    public var outputSize: Int { unsafe ragdz_bio_pending(outgoing) }

    /// Moves bytes that wait to be sent into `space`; returns how many.
    public func takeOutput(into space: UnsafeMutableRawBufferPointer) -> Int {
        let size = unsafe BIO_read(outgoing, space.baseAddress, Int32(clamping: space.count))
        return max(0, Int(size))
    }

    // MARK: - What was agreed

    /// The protocol that ALPN settled, e.g. `"h2"`.
    public var alpn: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name = unsafe name, length > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// e.g. `"TLSv1.3"`.
    public var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// The DNS and URI names of the peer's verified certificate.
    public var peerNames: [String] {
        var names: [String] = []
        // Longer names are skipped by the shim.
        var buffer = [CChar](repeating: 0, count: 512)
        while true {
            let length = unsafe ragdz_peer_name(ssl, Int32(names.count), &buffer, Int32(buffer.count))
            guard length > 0 else { break }
            names.append(String(decoding: buffer[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return names
    }
}
