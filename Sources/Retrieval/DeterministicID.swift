internal import Bytes
internal import Cryptography

/// Ids that follow from what they name, so that doing the same thing twice makes the same row.
enum DeterministicID {
    /// A UUID of version 8 from the SHA-256 of the parts. A zero byte between them keeps ("a", "bc") from ("ab", "c").
    static func make(_ kind: String, _ parts: [String]) -> UUID128 {
        var hash = SHA256()
        hash.update(kind)
        for part in parts {
            hash.update([0])
            hash.update(part)
        }
        var bytes = Array(hash.finalize().prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return UUID128(bytes: bytes) ?? UUID128(hi: 0, lo: 0)
    }

    /// The document that these bytes are in this collection, for these groups.
    static func document(collection: UUID128, sha256: String, groups: [String]) -> UUID128 {
        make("document", [collection.description, sha256] + groups)
    }

    /// For a document whose own id is taken by one that the caller may not see: nothing about it tells so.
    static func anotherDocument() -> UUID128 { make("document", [UUID128.v4().description]) }

    /// The same words under the same headings of a document, in any of its versions; `occurrence` counts repetitions.
    static func chunk(document: UUID128, words: UUID128, occurrence: Int) -> UUID128 {
        make("chunk", [document.description, words.description, String(occurrence)])
    }
}
