internal import Bytes
public import Cryptography

/// The server's secret halves of all stored hashes, by version.
///
/// A stolen database alone does not let anybody test a guessed key. New hashes are made with the newest version; older
/// versions stay for as long as keys exist that were hashed with them. The text form, as a file or in
/// `RAGDZ_KEY_PEPPER`, is `<version>:<64 hexadecimal digits>`, one version per line or separated by commas.
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
    /// The version that new hashes are made with: the highest one.
    public let newestVersion: Int32

    /// Reads the text form.
    public init(parsing text: String) throws(Malformed) {
        var versions: [Int32: HMACSHA256] = [:]
        for entry in text.split(whereSeparator: { $0 == "," || $0.isNewline }) {
            let parts = entry.filter { $0 != " " }.split(separator: ":")
            guard parts.count == 2, let version = Int32(parts[0]), version > 0,
                let key = Hex.decode(parts[1]), key.count == Self.keySize
            else {
                throw Malformed(
                    description: "A pepper is written <version>:<64 hexadecimal digits>, with versions from 1 on.")
            }
            guard versions.updateValue(HMACSHA256(key: key), forKey: version) == nil else {
                throw Malformed(description: "Version \(version) of the pepper is there twice.")
            }
        }
        guard let newest = versions.keys.max() else { throw Malformed(description: "The pepper is empty.") }
        guard versions.count <= Self.maximumVersions else {
            throw Malformed(description: "A pepper has at most \(Self.maximumVersions) versions.")
        }
        self.versions = versions
        newestVersion = newest
    }

    /// The text form of a new pepper with version 1.
    public static func generateText() throws(CryptoError) -> String {
        "1:\(Hex.encode(try SecureRandom.bytes(keySize)))\n"
    }

    /// What to store for a credential, and the version to store with it.
    public func hash(_ key: APIKey) -> (version: Int32, hash: [UInt8]) {
        guard let newest = versions[newestVersion] else { return (newestVersion, []) }
        return (newestVersion, key.hash(with: newest))
    }

    /// The platform's signature of something that is no credential, under the newest version: the version's number in four
    /// bytes, then 32 bytes that nobody without the pepper can make. The purpose keeps signatures of one kind from
    /// passing as those of another, or as a credential's hash.
    public func sign(_ bytes: [UInt8], purpose: String) -> [UInt8] {
        guard let newest = versions[newestVersion] else { return [] }
        let number = (0..<4).map { UInt8(truncatingIfNeeded: newestVersion >> Int32(24 - 8 * $0)) }
        return number + newest.authenticationCode(for: [UInt8]("ragdz signature \(purpose)\n".utf8) + bytes)
    }

    /// Whether a stored hash is the credential's, in constant time. False for a version that is not here.
    public func verify(_ key: APIKey, hash: [UInt8], version: Int32) -> Bool {
        guard let pepper = versions[version] else { return false }
        return ConstantTime.areEqual(hash, key.hash(with: pepper))
    }
}
