internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Which documents a search looks at: a tree of typed conditions.
///
/// What can go wrong is all the caller's fault and is said before anything is asked of the database: a tree that is too deep
/// or too large, a condition without a kind, values that are none.
indirect enum SearchFilter: Sendable, Hashable {
    /// A field of a document's attributes as the database keeps them (see `ragdz.place_document`).
    enum Field: String, Sendable {
        case collection, language, country, theme, source, tags, document
    }

    enum Moment: String, Sendable { case date, created }

    case all([SearchFilter])
    case any([SearchFilter])
    case not(SearchFilter)
    case oneOf(Field, [String])
    case official(Bool)
    /// Unix microseconds, end exclusive.
    case within(Moment, start: Int64?, end: Int64?)

    enum Limits {
        /// Conditions within conditions.
        static let depth = 8
        /// Conditions in all.
        static let conditions = 64
        /// Values in all.
        static let values = 128
        /// Characters of a value.
        static let value = 100
    }

    /// Names or ids of collections that the filter names, as the caller wrote them.
    var collections: Set<String> {
        switch self {
        case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion($1.collections) }
        case .not(let part): part.collections
        case .oneOf(.collection, let names): Set(names)
        case .oneOf, .official, .within: []
        }
    }

    /// The same with the ids of its collections.
    func naming(collections ids: [String: [String]]) -> SearchFilter {
        switch self {
        case .all(let parts): .all(parts.map { $0.naming(collections: ids) })
        case .any(let parts): .any(parts.map { $0.naming(collections: ids) })
        case .not(let part): .not(part.naming(collections: ids))
        case .oneOf(.collection, let names): .oneOf(.collection, names.flatMap { ids[$0] ?? [] })
        case .oneOf, .official, .within: self
        }
    }

    /// The documents that it can be true of, when it says so outright; nil: it may be any.
    var documents: [UUID128]? {
        switch self {
        case .oneOf(.document, let ids): return ids.compactMap { UUID128($0) }
        case .all(let parts):
            let named = parts.compactMap(\.documents)
            guard let first = named.first else { return nil }
            return named.dropFirst().reduce(first) { common, ids in common.filter(ids.contains) }
        case .any, .not, .oneOf, .official, .within: return nil
        }
    }
}

/// A filter as the database evaluates it: a jsonpath over a document's attributes.
///
/// The path is made of fixed pieces and numbers; whatever a caller wrote travels beside it, as the value of a variable.
struct CompiledFilter: Sendable, Hashable {
    private(set) var path = ""
    private(set) var values: PostgresJSON
    let documents: [UUID128]?

    init(_ filter: SearchFilter) {
        var variables: [String] = []
        path = Self.compile(filter, &variables)
        values = PostgresJSON(
            "{\(variables.enumerated().map { "\"v\($0.offset)\":\($0.element)" }.joined(separator: ","))}")
        documents = filter.documents
    }

    private static func compile(_ filter: SearchFilter, _ variables: inout [String]) -> String {
        switch filter {
        case .all(let parts): return join(parts, "&&", otherwise: "1 == 1", &variables)
        case .any(let parts): return join(parts, "||", otherwise: "1 == 0", &variables)
        case .not(let part): return "!(\(compile(part, &variables)))"
        case .oneOf(let field, let texts):
            let variable = add("[\(texts.map(jsonString).joined(separator: ","))]", &variables)
            return "$.\(field.rawValue)[*] == \(variable)[*]"
        case .official(let wanted): return "$.official == \(wanted)"
        case .within(let moment, let start, let end):
            var bounds = ["exists($.\(moment.rawValue))"]
            if let start { bounds.append("$.\(moment.rawValue) >= \(add("\(start)", &variables))") }
            if let end { bounds.append("$.\(moment.rawValue) < \(add("\(end)", &variables))") }
            return bounds.joined(separator: " && ")
        }
    }

    private static func join(
        _ parts: [SearchFilter], _ joint: String, otherwise: String, _ variables: inout [String]
    ) -> String {
        if parts.isEmpty { return otherwise }
        return parts.map { "(\(compile($0, &variables)))" }.joined(separator: " \(joint) ")
    }

    private static func add(_ value: String, _ variables: inout [String]) -> String {
        variables.append(value)
        return "$v\(variables.count - 1)"
    }

    /// The text as JSON; control characters do not get this far.
    private static func jsonString(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { json.unicodeScalars.append("\\") }
            json.unicodeScalars.append(scalar)
        }
        return json + "\""
    }
}

extension RetrievalRules {
    /// The filter of a request; nil when it has none.
    static func filter(_ filter: Ragdz_V1_Filter?) throws(Status) -> SearchFilter? {
        guard let filter else { return nil }
        var budget = FilterBudget()
        return try read(filter, depth: 1, &budget)
    }

    private struct FilterBudget {
        var conditions = 0
        var values = 0
    }

    private static func read(
        _ filter: Ragdz_V1_Filter, depth: Int, _ budget: inout FilterBudget
    ) throws(Status) -> SearchFilter {
        budget.conditions += 1
        guard depth <= SearchFilter.Limits.depth, budget.conditions <= SearchFilter.Limits.conditions else {
            throw .invalidArgument(
                "A filter nests at most \(SearchFilter.Limits.depth) deep and has at most "
                    + "\(SearchFilter.Limits.conditions) conditions.", reason: "FILTER_TOO_LARGE", field: "filter")
        }
        switch filter.condition {
        case .allOf(let parts): return .all(try read(parts, depth, &budget))
        case .anyOf(let parts): return .any(try read(parts, depth, &budget))
        case .not(let part): return .not(try read(part, depth: depth + 1, &budget))
        case .collection(let set): return try oneOf(.collection, set, &budget)
        case .language(let set): return .oneOf(.language, try languages(try values(set, &budget)))
        case .country(let set): return try oneOf(.country, set, &budget)
        case .theme(let set): return try oneOf(.theme, set, &budget)
        case .source(let set): return try oneOf(.source, set, &budget)
        case .tag(let set): return try oneOf(.tags, set, &budget)
        case .document(let set):
            let ids = try values(set, &budget)
            guard ids.allSatisfy({ UUID128($0) != nil }) else {
                throw .invalidArgument(
                    "`document` takes ids of documents.", reason: "DOCUMENT_ID_INVALID", field: "filter")
            }
            return .oneOf(.document, ids.compactMap { UUID128($0)?.description })
        case .official(let wanted): return .official(wanted)
        case .date(let range): return try within(.date, range)
        case .createTime(let range): return try within(.created, range)
        case nil:
            throw .invalidArgument(
                "A filter has one condition: all_of, any_of, not, collection, language, country, theme, source, official, "
                    + "date, create_time, tag or document.", reason: "FILTER_EMPTY", field: "filter")
        }
    }

    private static func read(
        _ parts: Ragdz_V1_Filters, _ depth: Int, _ budget: inout FilterBudget
    ) throws(Status) -> [SearchFilter] {
        var read: [SearchFilter] = []
        for part in parts.filters { read.append(try self.read(part, depth: depth + 1, &budget)) }
        return read
    }

    private static func oneOf(
        _ field: SearchFilter.Field, _ set: Ragdz_V1_FilterValues, _ budget: inout FilterBudget
    ) throws(Status) -> SearchFilter {
        .oneOf(field, try values(set, &budget))
    }

    private static func values(
        _ set: Ragdz_V1_FilterValues, _ budget: inout FilterBudget
    ) throws(Status) -> [String] {
        budget.values += set.values.count
        guard !set.values.isEmpty, budget.values <= SearchFilter.Limits.values,
            set.values.allSatisfy({ value in
                (1...SearchFilter.Limits.value).contains(value.unicodeScalars.count)
                    && !value.unicodeScalars.contains(where: isControl)
            })
        else {
            throw .invalidArgument(
                "A condition has at least one value of 1 to \(SearchFilter.Limits.value) characters, without control "
                    + "characters; a filter has at most \(SearchFilter.Limits.values) values.",
                reason: "FILTER_VALUES", field: "filter")
        }
        return set.values
    }

    private static func within(
        _ moment: SearchFilter.Moment, _ range: Ragdz_V1_TimeRange
    ) throws(Status) -> SearchFilter {
        let start = try range.start.map { time throws(Status) in try micros(time, field: "filter") }
        let end = try range.end.map { time throws(Status) in try micros(time, field: "filter") }
        if let start, let end, start >= end {
            throw .invalidArgument(
                "A range begins before it ends.", reason: "FILTER_RANGE", field: "filter")
        }
        return .within(moment, start: start, end: end)
    }
}
