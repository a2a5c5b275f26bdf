internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// What a document is about, and who may see it.
struct DocumentAttributes: Sendable, Hashable {
    var country = ""
    var theme = ""
    var source = ""
    var isOfficial = false
    /// Unix microseconds.
    var dateMicros: Int64?
    var tags: [String] = []
    /// Sorted, without repetitions; none: whoever sees the collection.
    var groups: [String] = []
}

/// What an update changes; nil leaves a field as it is.
struct DocumentChange: Sendable {
    var country: String?
    var theme: String?
    var source: String?
    var isOfficial: Bool?
    /// Whether `dateMicros` counts, nil included.
    var setsDate = false
    var dateMicros: Int64?
    var tags: [String]?
    var groups: [String]?
}

extension RetrievalRules {
    /// Attributes as a request brings them, whole or as far as `paths` names them.
    static func change(
        _ attributes: Ragdz_V1_DocumentAttributes?, paths: [String], field: String
    ) throws(Status) -> DocumentChange {
        let given = attributes ?? Ragdz_V1_DocumentAttributes()
        var change = DocumentChange()
        guard !paths.isEmpty else {
            throw .invalidArgument(
                "update_mask names the fields to change, e.g. \"theme,tags\".", reason: "EMPTY_UPDATE_MASK",
                field: "update_mask")
        }
        for path in paths {
            switch path {
            case "country": change.country = try country(given.country, field: "\(field).country")
            case "theme": change.theme = try attribute(given.theme, field: "\(field).theme")
            case "source": change.source = try attribute(given.source, field: "\(field).source")
            case "official": change.isOfficial = given.official
            case "date":
                change.setsDate = true
                change.dateMicros = try given.date.map { date throws(Status) in try micros(date, field: "\(field).date")
                }
            case "tags": change.tags = try tags(given.tags, field: "\(field).tags")
            case "groups": change.groups = try groups(given.groups, field: "\(field).groups")
            default:
                throw .invalidArgument(
                    "\"\(path.prefix(64))\" is no attribute of a document: country, theme, source, official, date, tags "
                        + "and groups are.", reason: "INVALID_UPDATE_MASK", field: "update_mask")
            }
        }
        return change
    }

    static func attributes(
        _ given: Ragdz_V1_DocumentAttributes?, field: String
    ) throws(Status) -> DocumentAttributes {
        guard given != nil else { return DocumentAttributes() }
        let every = ["country", "theme", "source", "official", "date", "tags", "groups"]
        let change = try change(given, paths: every, field: field)
        return DocumentAttributes(
            country: change.country ?? "", theme: change.theme ?? "", source: change.source ?? "",
            isOfficial: change.isOfficial ?? false, dateMicros: change.dateMicros, tags: change.tags ?? [],
            groups: change.groups ?? [])
    }

    /// Groups sorted, without repetitions: one set has one form.
    static func groups(_ groups: [String], field: String) throws(Status) -> [String] {
        let distinct = Set(groups)
        guard distinct.count <= RetrievalLimits.groups, distinct.allSatisfy(AccessGroups.isName) else {
            throw .invalidArgument(
                "At most \(RetrievalLimits.groups) groups, each of 1 to 63 lower-case letters, digits, \"-\" and \"_\".",
                reason: "GROUPS_INVALID", field: field)
        }
        return distinct.sorted()
    }

    /// Nobody limits to, or frees from, a group that it does not have.
    static func mayChange(_ before: [String], to after: [String], _ caller: Caller) throws(Status) {
        for group in Set(before).symmetricDifference(after) where !caller.groups.contains(group) {
            throw .permissionDenied(
                "The key needs the scope \"group.\(group)\" to set or take away that group.", reason: "GROUP_NOT_HELD")
        }
    }

    static func country(_ code: String, field: String) throws(Status) -> String {
        let isCode = code.utf8.count == 2 && code.utf8.allSatisfy { (0x41...0x5A).contains($0) }
        guard code.isEmpty || isCode else {
            throw .invalidArgument(
                "A country is two capital letters, such as \"DZ\", or empty.", reason: "COUNTRY_INVALID", field: field)
        }
        return code
    }

    private static func attribute(_ text: String, field: String) throws(Status) -> String {
        guard text.unicodeScalars.count <= RetrievalLimits.attribute, !text.unicodeScalars.contains(where: isControl)
        else {
            throw .invalidArgument(
                "An attribute has at most \(RetrievalLimits.attribute) characters and no control characters.",
                reason: "ATTRIBUTE_INVALID", field: field)
        }
        return text
    }

    private static func tags(_ tags: [String], field: String) throws(Status) -> [String] {
        var seen: Set<String> = []
        let distinct = tags.filter { seen.insert($0).inserted }
        guard distinct.count <= RetrievalLimits.tags,
            distinct.allSatisfy({ tag in
                (1...RetrievalLimits.tag).contains(tag.unicodeScalars.count)
                    && !tag.unicodeScalars.contains(where: isControl)
            })
        else {
            throw .invalidArgument(
                "A document has at most \(RetrievalLimits.tags) tags of 1 to \(RetrievalLimits.tag) characters, without "
                    + "control characters.", reason: "TAGS_INVALID", field: field)
        }
        return distinct
    }

    /// Years 1 to 9999, as the timestamp of the contract has them.
    static func micros(_ time: Google_Protobuf_Timestamp, field: String) throws(Status) -> Int64 {
        guard (-62_135_596_800...253_402_300_799).contains(time.seconds), (0..<1_000_000_000).contains(time.nanos)
        else {
            throw .invalidArgument("A time lies in the years 1 to 9999.", reason: "TIME_INVALID", field: field)
        }
        return time.unixMicros
    }
}
