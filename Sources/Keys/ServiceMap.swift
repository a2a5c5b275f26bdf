internal import RPC

/// Which names in client certificates stand for which services of the platform, and what those may do.
///
/// It is a text of lines `PATTERN SERVICE SCOPE,SCOPE…`; empty lines and what follows `#` do not count:
///
///     spiffe://ragdz/billing        billing   tenant.read,platform.tenants.read
///     spiffe://ragdz/worker/*       worker    keys.write
///     *.batch.internal              batch     platform.tenants.*
///
/// A pattern is a whole name. One `*` stands for one part of it: between slashes in a URI, between dots in a DNS name.
public struct ServiceMap: Sendable, Hashable {
    /// A line more than this is refused: a map is written by hand.
    public static let maximumEntries = 1000

    /// Why a text is no map; the line counts from 1.
    public struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        public let line: Int
        public let problem: String
        public var description: String { "line \(line): \(problem)" }
    }

    struct Entry: Sendable, Hashable {
        let pattern: NamePattern
        let service: String
        let scopes: ScopeSet
    }

    let entries: [Entry]

    /// The map that knows nobody.
    public init() { entries = [] }

    public init(parsing text: String) throws(Malformed) {
        var entries: [Entry] = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            let meant = line.prefix { $0 != "#" }
            let words = meant.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            if words.isEmpty { continue }
            guard words.count == 3 else {
                throw Malformed(line: number, problem: "a line is PATTERN SERVICE SCOPE,SCOPE…")
            }
            guard let pattern = NamePattern(words[0]) else {
                throw Malformed(
                    line: number,
                    problem: "\"\(words[0])\" is no URI or DNS name, in which * stands for one whole part")
            }
            guard Self.isServiceName(words[1]) else {
                throw Malformed(line: number, problem: "a service is named in a-z, 0-9 and -, at most 63 characters")
            }
            let scopes = words[2].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard scopes.allSatisfy(Self.isScope) else {
                throw Malformed(
                    line: number, problem: "scopes are such as tenant.read, keys.* or *, with commas between")
            }
            entries.append(Entry(pattern: pattern, service: String(words[1]), scopes: ScopeSet(scopes)))
            guard entries.count <= Self.maximumEntries else {
                throw Malformed(line: number, problem: "more than \(Self.maximumEntries) lines")
            }
        }
        self.entries = entries
    }

    /// The service that bears these names. No name that the map knows is `CERTIFICATE_UNKNOWN`; names of several
    /// services are `CERTIFICATE_AMBIGUOUS`, because nobody may pick the stronger one.
    func identity(of names: [String]) throws(Status) -> CallIdentity {
        var found: Entry?
        for entry in entries where names.contains(where: entry.pattern.matches) {
            guard let first = found else {
                found = entry
                continue
            }
            guard first.service == entry.service, first.scopes == entry.scopes else {
                throw .unauthenticated(
                    "The client certificate bears the names of several services: one certificate is for one service.",
                    reason: "CERTIFICATE_AMBIGUOUS")
            }
        }
        guard let found else {
            throw .unauthenticated(
                "No service is known by the names of this client certificate: ask the platform's operator to add it.",
                reason: "CERTIFICATE_UNKNOWN")
        }
        return .service(name: found.service, scopes: found.scopes)
    }

    private static func isServiceName(_ name: Substring) -> Bool {
        (1...63).contains(name.utf8.count)
            && name.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D }
    }

    private static func isScope(_ scope: String) -> Bool {
        if scope == "*" { return true }
        let parts = scope.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.enumerated().allSatisfy { index, part in
            if part.elementsEqual("*".utf8) { return index == parts.count - 1 && index > 0 }
            return !part.isEmpty && part.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F }
        }
    }
}

/// A URI or DNS name in which `*` may stand for a whole part.
struct NamePattern: Sendable, Hashable {
    private let isURI: Bool
    private let parts: [String]

    init?(_ text: Substring) {
        isURI = text.utf8.contains(UInt8(ascii: ":"))
        parts = Self.parts(text, isURI)
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            parts.allSatisfy({ $0 == "*" || !$0.utf8.contains(UInt8(ascii: "*")) })
        else { return nil }
        if isURI {
            // The scheme and the authority say who vouches for the rest.
            guard parts.count >= 3, parts[0].hasSuffix(":"), parts[1].isEmpty, !parts[2].isEmpty, parts[2] != "*"
            else { return nil }
        } else {
            guard parts.allSatisfy({ !$0.isEmpty }), parts.last != "*" else { return nil }
        }
    }

    private static func parts(_ text: some StringProtocol, _ isURI: Bool) -> [String] {
        // The case of a DNS name means nothing.
        let text = isURI ? String(text) : text.lowercased()
        return text.split(separator: isURI ? "/" : ".", omittingEmptySubsequences: false).map(String.init)
    }

    func matches(_ name: String) -> Bool {
        guard name.utf8.contains(UInt8(ascii: ":")) == isURI else { return false }
        let other = Self.parts(name, isURI)
        guard other.count == parts.count else { return false }
        return zip(parts, other).allSatisfy { $0 == $1 || ($0 == "*" && !$1.isEmpty) }
    }
}
