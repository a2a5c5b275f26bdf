internal import Bytes
public import Cryptography

/// The server's secret halves of all stored hashes, by version.
///
/// A stolen database alone does not let anybody test a guessed key. New hashes are made with the newest version; older
/// versions stay for as long as keys exist that were hashed with them. The text form, as a file or in
/// `RAGDZ_KEY_PEPPER`, is `<version>:<64 hexadecimal digits>`, one version per line or separated by commas.
///
/// Replacing a pepper without downtime takes two rolling restarts: first every server learns the new version with
/// `:standby` behind it, so that all can check what any of them will make; then the word is taken away. Keys that are used
/// from then on are hashed anew at their next use (`Authenticator`), and the old version can go when no key is left that
/// was hashed with it.
public struct Pepper: Sendable {
    /// Bytes of one version's key.
    public static let keySize = 32
    /// More versions than anybody needs; a longer list is a mistake.
    public static let maximumVersions = 16

    /// What is wrong with the text of a pepper. It never quotes the text.
    public struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    private let versions: [Int32: HMACSHA256]
    private let newest: HMACSHA256
    /// The version that new hashes are made with: the highest one that is not on standby.
    public let newestVersion: Int32

    /// Reads the text form.
    public init(parsing text: String) throws(Malformed) {
        var versions: [Int32: HMACSHA256] = [:]
        var inUse: Int32?
        for entry in text.split(whereSeparator: { $0 == "," || $0.isNewline }) {
            let parts = entry.filter { $0 != " " }.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2 || (parts.count == 3 && parts[2] == "standby"), let version = Int32(parts[0]),
                version > 0, let key = Hex.decode(parts[1]), key.count == Self.keySize
            else {
                throw Malformed(
                    description: "A pepper is written <version>:<64 hexadecimal digits>, with versions from 1 on, and "
                        + "with :standby behind one that is not to be used for new hashes yet.")
            }
            guard versions.updateValue(HMACSHA256(key: key), forKey: version) == nil else {
                throw Malformed(description: "Version \(version) of the pepper is there twice.")
            }
            if parts.count == 2 { inUse = max(inUse ?? 0, version) }
        }
        guard let inUse, let newest = versions[inUse] else {
            throw Malformed(description: "The pepper is empty, or all of its versions are on standby.")
        }
        guard versions.count <= Self.maximumVersions else {
            throw Malformed(description: "A pepper has at most \(Self.maximumVersions) versions.")
        }
        self.versions = versions
        self.newest = newest
        newestVersion = inUse
    }

    /// The text form of a new pepper with version 1.
    public static func generateText() throws(CryptoError) -> String {
        "1:\(Hex.encode(try SecureRandom.bytes(keySize)))\n"
    }

    /// What to store for a credential, and the version to store with it.
    public func hash(_ key: APIKey) -> (version: Int32, hash: [UInt8]) {
        (newestVersion, key.digest(with: newest).bytes)
    }

    /// The platform's signature of something that is no credential, under the newest version: the version's number in four
    /// bytes, then 32 bytes that nobody without the pepper can make. The purpose keeps signatures of one kind from
    /// passing as those of another, or as a credential's hash.
    public func sign(_ bytes: [UInt8], purpose: String) -> [UInt8] {
        let number = (0..<4).map { UInt8(truncatingIfNeeded: newestVersion >> Int32(24 - 8 * $0)) }
        return number + newest.authenticationCode(for: [UInt8]("ragdz signature \(purpose)\n".utf8) + bytes)
    }

    /// The secret that a rotation with a name makes: the same for the same digest and generation, and not to be guessed
    /// without the pepper. Nil for a version that is not here.
    func rotationSecret(_ digest: [UInt8], generation: Int, version: Int32) -> [UInt8]? {
        guard let pepper = versions[version] else { return nil }
        var secret: [UInt8] = []
        var block: UInt8 = 0
        while secret.count < APIKey.secretLength {
            let text = [UInt8]("ragdz rotation \(generation) \(block)\n".utf8) + digest
            secret += Base62.digits(of: pepper.authenticationCode(for: text)).prefix(APIKey.secretLength - secret.count)
            block &+= 1
        }
        return secret
    }

    /// Whether hashes of this version can be checked.
    func knows(_ version: Int32) -> Bool { versions[version] != nil }

    /// Whether a stored hash is the credential's, in constant time. False for a version that is not here.
    public func verify(_ key: APIKey, hash: [UInt8], version: Int32) -> Bool {
        guard let pepper = versions[version], let hash = Digest(hash) else { return false }
        return hash == key.digest(with: pepper)
    }

    /// The hash of a credential under one version; nil for a version that is not here.
    func digest(_ key: PresentedKey, version: Int32) -> Digest? {
        if version == newestVersion { return newest.digest(for: key.authenticated) }
        return versions[version]?.digest(for: key.authenticated)
    }
}
