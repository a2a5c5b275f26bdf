internal import ArgumentParser
internal import Foundation
internal import ProtoRuntime
internal import Schema

/// Which documents a search or a question looks at. Several options together: all must hold.
struct FilterOptions: ParsableArguments {
    @Option(name: .customLong("country"), help: "Only documents of a country such as DZ; several: any of them.")
    var countries: [String] = []
    @Option(name: .customLong("theme"), help: "Only documents of a theme; several: any of them.")
    var themes: [String] = []
    @Option(name: .customLong("source"), help: "Only documents from a source such as JORADP; several: any of them.")
    var sources: [String] = []
    @Option(name: .customLong("tag"), help: "Only documents with a tag; several: any of them.")
    var tags: [String] = []
    @Option(name: .customLong("document"), help: "Only the document of this id; several: any of them.")
    var documents: [String] = []
    @Flag(help: "Only official documents.") var official = false
    @Option(help: "Only documents dated at or after YYYY-MM-DD.") var since: String?
    @Option(help: "Only documents dated before YYYY-MM-DD.") var until: String?
    @Option(
        help: "A filter as JSON, for what the options cannot say: {\"not\": {\"theme\": {\"values\": [\"taxes\"]}}}.")
    var filter: String?

    /// nil when nothing is asked for.
    func read() throws -> Ragdz_V1_Filter? {
        var parts: [Ragdz_V1_Filter] = []
        func add(_ condition: Ragdz_V1_Filter.OneOf_Condition) {
            var part = Ragdz_V1_Filter()
            part.condition = condition
            parts.append(part)
        }
        func set(_ values: [String]) -> Ragdz_V1_FilterValues {
            var set = Ragdz_V1_FilterValues()
            set.values = values
            return set
        }
        if !countries.isEmpty { add(.country(set(countries))) }
        if !themes.isEmpty { add(.theme(set(themes))) }
        if !sources.isEmpty { add(.source(set(sources))) }
        if !tags.isEmpty { add(.tag(set(tags))) }
        if !documents.isEmpty { add(.document(set(documents))) }
        if official { add(.official(true)) }
        if since != nil || until != nil {
            var range = Ragdz_V1_TimeRange()
            range.start = try since.map(CalendarDay.timestamp)
            range.end = try until.map(CalendarDay.timestamp)
            add(.date(range))
        }
        if let filter {
            do { parts.append(try Ragdz_V1_Filter(json: Array(filter.utf8))) } catch {
                throw ValidationError("--filter is no filter: \(error)")
            }
        }
        if parts.count < 2 { return parts.first }
        var all = Ragdz_V1_Filters()
        all.filters = parts
        var filter = Ragdz_V1_Filter()
        filter.condition = .allOf(all)
        return filter
    }
}

/// A day as people type it, in UTC.
enum CalendarDay {
    static func timestamp(_ text: String) throws -> Google_Protobuf_Timestamp {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        guard parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2],
            (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
            let date = calendar.date(from: DateComponents(year: year, month: month, day: day)),
            calendar.component(.day, from: date) == day
        else { throw ValidationError("\"\(text)\" is no day: write YYYY-MM-DD.") }
        return Google_Protobuf_Timestamp(seconds: Int64(date.timeIntervalSince1970))
    }
}

/// What a document is about, for uploads and updates. An option that is left out changes nothing.
struct AttributeOptions: ParsableArguments {
    @Option(help: "Two capital letters such as DZ.") var country: String?
    @Option(help: "Such as taxes.") var theme: String?
    @Option(help: "Who has published it, such as JORADP.") var source: String?
    @Flag(inversion: .prefixedNo, help: "Whether it is an official text.") var official: Bool?
    @Option(help: "The document's own date, YYYY-MM-DD.") var date: String?
    @Option(name: .customLong("tag"), help: "May be given several times.") var tags: [String] = []
    @Option(
        name: .customLong("group"),
        help: "Only keys with the scope group.NAME will see it; may be given several times.")
    var groups: [String] = []

    /// The attributes, and which of them were given.
    func read() throws -> (attributes: Ragdz_V1_DocumentAttributes, paths: [String]) {
        var attributes = Ragdz_V1_DocumentAttributes()
        var paths: [String] = []
        func take(_ given: Bool, _ path: String) { if given { paths.append(path) } }
        attributes.country = country ?? ""
        take(country != nil, "country")
        attributes.theme = theme ?? ""
        take(theme != nil, "theme")
        attributes.source = source ?? ""
        take(source != nil, "source")
        attributes.official = official ?? false
        take(official != nil, "official")
        attributes.date = try date.map(CalendarDay.timestamp)
        take(date != nil, "date")
        attributes.tags = tags
        take(!tags.isEmpty, "tags")
        attributes.groups = groups
        take(!groups.isEmpty, "groups")
        return (attributes, paths)
    }
}
