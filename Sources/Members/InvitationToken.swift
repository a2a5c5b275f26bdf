internal import Bytes
internal import Cryptography
internal import RPC

/// The token of an invitation: `ragdz_invite_<id>_<secret>`, 32 and 64 hexadecimal digits. Printing one shows the id alone.
struct InvitationToken: Sendable, CustomStringConvertible {
    let id: UUID128
    private let secret: [UInt8]

    static let prefix = "ragdz_invite_"
    static let length = 13 + 32 + 1 + 64

    init() throws(CryptoError) {
        id = UUID128.v4()
        secret = try SecureRandom.bytes(32)
    }

    /// Nil for whatever has not the form of one.
    init?(_ text: String) {
        guard text.utf8.count == Self.length, text.hasPrefix(Self.prefix) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let bytes = Hex.decode(parts[0]), let id = UUID128(bytes: bytes),
            let secret = Hex.decode(parts[1]), secret.count == 32
        else { return nil }
        self.id = id
        self.secret = secret
    }

    /// Secret and all: for the one answer that hands it out.
    var revealed: String { "\(Self.prefix)\(Hex.encode(id.bytes))_\(Hex.encode(secret))" }

    /// What is stored of it.
    var hash: [UInt8] { SHA256.hash([UInt8]("ragdz invitation\n".utf8) + id.bytes + secret) }

    func matches(_ stored: [UInt8]) -> Bool { ConstantTime.areEqual(hash, stored) }

    var description: String { "\(Self.prefix)\(Hex.encode(id.bytes))_…" }
}
