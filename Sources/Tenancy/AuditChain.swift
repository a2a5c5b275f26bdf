internal import Bytes
internal import Cryptography

/// The hash chain of a tenant's log of changes, computed again: a pure value that entries are fed to in order.
///
/// What it finds: an entry that is not what it was when it was written, one that is missing or was put in, an end that
/// was cut off, and, against a hash that somebody wrote down earlier, a log that was written anew as a whole. What it
/// cannot find is a log written anew of which nobody wrote a hash down.
///
/// The bytes of an entry are fixed in sql/migrations/0008_audit_chain.sql, which computes them when it is written.
struct AuditChain: Sendable {
    enum Defect: String, Sendable {
        case entryChanged = "ENTRY_CHANGED"
        case entryMissing = "ENTRY_MISSING"
        case endMissing = "END_MISSING"
        case knownHashDiffers = "KNOWN_HASH_DIFFERS"
    }

    struct Finding: Sendable, Hashable {
        var defect: Defect
        /// The first entry that is not what it was.
        var sequence: Int64
    }

    struct Entry: Sendable, Hashable {
        var sequence: Int64
        var timeMicros: Int64
        var actor: String
        var action: String
        var target: String
        var before: String?
        var after: String?
        var requestID: String
        var peer: String
        var hash: [UInt8]
    }

    private let tenant: String
    private let known: (sequence: Int64, hash: [UInt8])?
    private(set) var sequence: Int64 = 0
    private(set) var hash: [UInt8]
    private(set) var finding: Finding?

    init(tenant: UUID128, known: (sequence: Int64, hash: [UInt8])? = nil) {
        self.tenant = tenant.description
        self.known = known
        hash = SHA256.hash([UInt8]())
    }

    /// Takes the next entry. After the first finding nothing counts any more.
    mutating func add(_ entry: Entry) {
        guard finding == nil else { return }
        guard entry.sequence == sequence + 1 else { return find(.entryMissing, at: sequence + 1) }
        let computed = Self.hash(entry, of: tenant, after: hash)
        guard computed == entry.hash else { return find(.entryChanged, at: entry.sequence) }
        sequence = entry.sequence
        hash = computed
        if let known, known.sequence == sequence, known.hash != hash { find(.knownHashDiffers, at: sequence) }
    }

    /// All entries were added; the head says which one was written last.
    mutating func end(headSequence: Int64, headHash: [UInt8]) {
        guard finding == nil else { return }
        guard sequence == headSequence else { return find(.endMissing, at: sequence + 1) }
        guard headSequence == 0 || hash == headHash else { return find(.entryChanged, at: sequence) }
        if let known, known.sequence > sequence { find(.endMissing, at: sequence + 1) }
    }

    private mutating func find(_ defect: Defect, at sequence: Int64) {
        finding = Finding(defect: defect, sequence: sequence)
    }

    static func hash(_ entry: Entry, of tenant: String, after previous: [UInt8]) -> [UInt8] {
        var bytes = previous
        let fields: [String?] = [
            tenant, String(entry.sequence), String(entry.timeMicros), entry.actor, entry.action, entry.target,
            entry.before, entry.after, entry.requestID, entry.peer,
        ]
        for field in fields {
            let length = field.map { Int64($0.utf8.count) } ?? -1
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            if let field { bytes.append(contentsOf: field.utf8) }
        }
        return SHA256.hash(bytes)
    }
}
