internal import Bytes
public import Cryptography

/// The platform's keys that sign the tokens of sessions, by version. They are keys of their own: who learns one forges
/// sessions and opens nothing else, and rotating them touches no API key.
///
/// The text form, a file or `RAGDZ_SESSION_KEYS`, is `<version>:<64 hexadecimal digits>`, one version per line or separated
/// by commas. The highest version signs; all versions that are there verify. A line `+<version>:…` only verifies: with
/// several servers a new version is first given to all of them with the plus, and then without. An old version may go
/// when the longest session that it signed for is over.
public struct SessionKeys: Sendable {
    /// Bytes of one version's key.
    public static let keySize = 32
    /// More versions than anybody needs; a longer list is a mistake.
    public static let maximumVersions = 16

    /// What is wrong with the text of the keys. It never quotes the text.
    public struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    private let versions: [UInt32: HMACSHA256]
    let signingVersion: UInt32
    private let signing: HMACSHA256

    /// Reads the text form.
    public init(parsing text: String) throws(Malformed) {
        var versions: [UInt32: HMACSHA256] = [:]
        var signing: UInt32 = 0
        for entry in text.split(whereSeparator: { $0 == "," || $0.isNewline }) {
            var entry = entry.filter { $0 != " " }
            let onlyVerifies = entry.hasPrefix("+")
            if onlyVerifies { entry.removeFirst() }
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let version = UInt32(parts[0]), version > 0,
                let key = Hex.decode(parts[1]), key.count == Self.keySize
            else {
                throw Malformed(
                    description: "A session key is written <version>:<64 hexadecimal digits>, with versions from 1 on.")
            }
            guard versions.updateValue(HMACSHA256(key: key), forKey: version) == nil else {
                throw Malformed(description: "Version \(version) of the session keys is there twice.")
            }
            if !onlyVerifies { signing = max(signing, version) }
        }
        guard let key = versions[signing] else {
            throw Malformed(description: "No session key signs: one line has to be without a plus.")
        }
        guard versions.count <= Self.maximumVersions else {
            throw Malformed(description: "There are at most \(Self.maximumVersions) versions of the session keys.")
        }
        self.versions = versions
        signingVersion = signing
        self.signing = key
    }

    /// The text form of new keys with version 1.
    public static func generateText() throws(CryptoError) -> String {
        "1:\(Hex.encode(try SecureRandom.bytes(keySize)))\n"
    }

    func sign(_ bytes: [UInt8]) -> [UInt8] { signing.authenticationCode(for: bytes) }

    /// Whether the code is that of the bytes under a version, in constant time. False for a version that is not here.
    func verify(_ code: [UInt8], _ bytes: [UInt8], version: UInt32) -> Bool {
        versions[version]?.isValid(code, for: bytes) ?? false
    }
}
