internal import COpenSSL

/// AES-256-GCM: encryption that notices every change.
///
/// A nonce must never be used twice under one key. `seal(_:authenticating:)` draws a random one, which is safe for
/// 2³² messages under a key.
public struct AESGCM: Sendable {
    /// Bytes of a key: 32.
    public static let keySize = 32
    /// Bytes of a nonce: 12.
    public static let nonceSize = 12
    /// Bytes of a tag: 16.
    public static let tagSize = 16

    private let key: [UInt8]

    /// `invalidSize` unless the key has 32 bytes.
    public init(key: [UInt8]) throws(CryptoError) {
        guard key.count == Self.keySize else {
            throw CryptoError(.invalidSize, "AES-256-GCM takes a key of 32 bytes, not \(key.count).")
        }
        self.key = key
    }

    /// Nonce, ciphertext and tag in one: what `open(_:authenticating:)` takes.
    public func seal(_ plaintext: [UInt8], authenticating data: [UInt8] = []) throws(CryptoError) -> [UInt8] {
        try seal(plaintext, nonce: SecureRandom.bytes(Self.nonceSize), authenticating: data)
    }

    /// As `seal(_:authenticating:)` with a nonce of the caller's, who vouches that it is new.
    public func seal(
        _ plaintext: [UInt8], nonce: [UInt8], authenticating data: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        try checkSizes(nonce, plaintext, data)
        let context = try CipherContext(key: key, nonce: nonce, encrypting: true)
        try context.authenticate(data)
        let ciphertext = try context.process(plaintext)
        try context.finish()
        return nonce + ciphertext + (try context.tag(count: Self.tagSize))
    }

    /// The plaintext of a sealed message.
    ///
    /// `authenticationFailed` when the message, the data beside it or the key is not what was sealed;
    /// `invalidSize` when it is shorter than a nonce and a tag.
    public func open(_ sealed: [UInt8], authenticating data: [UInt8] = []) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= Self.nonceSize + Self.tagSize else {
            throw CryptoError(.invalidSize, "A sealed message has at least 28 bytes, not \(sealed.count).")
        }
        let nonce = [UInt8](sealed[..<Self.nonceSize])
        let ciphertext = [UInt8](sealed[Self.nonceSize..<(sealed.count - Self.tagSize)])
        try checkSizes(nonce, ciphertext, data)
        let context = try CipherContext(key: key, nonce: nonce, encrypting: false)
        try context.authenticate(data)
        let plaintext = try context.process(ciphertext)
        try context.expect(tag: [UInt8](sealed.suffix(Self.tagSize)))
        do {
            try context.finish()
        } catch {
            throw CryptoError(.authenticationFailed, "The sealed message was changed, or the key is another one.")
        }
        return plaintext
    }

    private func checkSizes(_ nonce: [UInt8], _ text: [UInt8], _ data: [UInt8]) throws(CryptoError) {
        guard nonce.count == Self.nonceSize else {
            throw CryptoError(.invalidSize, "AES-GCM takes a nonce of 12 bytes, not \(nonce.count).")
        }
        guard text.count <= Int(Int32.max), data.count <= Int(Int32.max) else {
            throw CryptoError(.invalidSize, "One message has at most 2 GiB; seal it in pieces.")
        }
    }
}

/// Owns one `EVP_CIPHER_CTX`; it never leaves this file, and `deinit` frees it.
@safe private final class CipherContext {
    private let context: OpaquePointer

    init(key: [UInt8], nonce: [UInt8], encrypting: Bool) throws(CryptoError) {
        guard let context = unsafe EVP_CIPHER_CTX_new() else {
            throw CryptoError(.libraryFailure, "libcrypto has no memory for a cipher.")
        }
        unsafe self.context = unsafe context
        let result = unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting ? 1 : 0)
        try Self.check(result)
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    func authenticate(_ data: [UInt8]) throws(CryptoError) {
        guard !data.isEmpty else { return }
        var written: Int32 = 0
        try Self.check(unsafe EVP_CipherUpdate(context, nil, &written, data, Int32(data.count)))
    }

    func process(_ text: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard !text.isEmpty else { return [] }
        var written: Int32 = 0
        var output = [UInt8](repeating: 0, count: text.count)
        try Self.check(unsafe EVP_CipherUpdate(context, &output, &written, text, Int32(text.count)))
        return output
    }

    func finish() throws(CryptoError) {
        // GCM is a stream mode: finishing writes no byte, but libcrypto wants a place for a block.
        var rest = [UInt8](repeating: 0, count: 16)
        var written: Int32 = 0
        try Self.check(unsafe EVP_CipherFinal_ex(context, &rest, &written))
    }

    func tag(count: Int) throws(CryptoError) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: count)
        try Self.check(unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(count), &tag))
        return tag
    }

    func expect(tag: [UInt8]) throws(CryptoError) {
        var tag = tag
        try Self.check(unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag))
    }

    private static func check(_ result: Int32) throws(CryptoError) {
        guard result == 1 else { throw CryptoError(.libraryFailure, "libcrypto refused a cipher operation.") }
    }
}
