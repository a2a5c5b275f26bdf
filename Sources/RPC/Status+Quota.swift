internal import ProtoRuntime

/// Where a quota stood when it had no room for a call.
public struct QuotaStanding: Sendable, Hashable {
    /// E.g. `"documents"`.
    public var quota: String
    public var limit: Int64
    /// What is used, and what calls under way have set aside.
    public var used: Int64
    public var wanted: Int64
    /// When the next month begins, in microseconds of Unix time; nil for what is held rather than used up.
    public var resetMicros: Int64?

    public init(quota: String, limit: Int64, used: Int64, wanted: Int64, resetMicros: Int64?) {
        self.quota = quota
        self.limit = limit
        self.used = used
        self.wanted = wanted
        self.resetMicros = resetMicros
    }
}

extension Status {
    /// The SQLSTATE with which the database refuses what a quota has no room for. The error's detail says which one:
    /// see `init(quotaDetail:)`.
    public static let quotaState = "RQ001"

    /// A quota of the caller's tenant has no room: `QUOTA_EXCEEDED` for what is held, such as documents, and
    /// `QUOTA_USED_UP`, with the time to come back, for what a month gives. The values are in `ErrorInfo.metadata` as
    /// `quota`, `limit`, `used`, `wanted` and `reset_time`, and in `QuotaFailure`.
    public static func quotaExceeded(_ standing: QuotaStanding, nowMicros: Int64) -> Status {
        let amount = "\(standing.used) of \(standing.limit) are used and \(standing.wanted) more are asked for"
        var status: Status
        if let resetMicros = standing.resetMicros {
            let reset = RFC3339.text(resetMicros)
            status = .resourceExhausted(
                "The month's quota of \(standing.quota) is used up: \(amount). It begins anew at \(reset); a bigger plan "
                    + "gives more at once.", reason: "QUOTA_USED_UP",
                retryAfter: .microseconds(max(resetMicros - nowMicros, 1_000_000))
            ).with("reset_time", reset)
        } else {
            status = .resourceExhausted(
                "The quota of \(standing.quota) is full: \(amount). Delete some, or ask for a bigger plan.",
                reason: "QUOTA_EXCEEDED")
        }
        status = status.with("quota", standing.quota).with("limit", String(standing.limit))
            .with("used", String(standing.used)).with("wanted", String(standing.wanted))
        status.details.quotaViolations = [
            QuotaViolation(subject: "quota:\(standing.quota)", description: status.message)
        ]
        return status
    }

    /// The refusal that the detail of a database error with `quotaState` tells of; nil when it is none.
    public init?(quotaDetail detail: String, nowMicros: Int64) {
        guard let fields = try? Google_Protobuf_Struct(json: [UInt8](detail.utf8)).fields else { return nil }
        func number(_ name: String) -> Int64? { fields[name]?.stringValue.flatMap { Int64($0) } }
        guard let quota = fields["quota"]?.stringValue, let limit = number("limit"), let used = number("used"),
            let wanted = number("wanted"), let reset = number("reset_micros")
        else { return nil }
        let standing = QuotaStanding(
            quota: quota, limit: limit, used: used, wanted: wanted, resetMicros: reset == 0 ? nil : reset)
        self = .quotaExceeded(standing, nowMicros: nowMicros)
    }
}

/// Moments as people and programs read them.
private enum RFC3339 {
    static func text(_ unixMicros: Int64) -> String {
        let stamp = Google_Protobuf_Timestamp(unixMicros: unixMicros)
        return (try? stamp.jsonString()).map { String($0.dropFirst().dropLast()) } ?? ""
    }
}

extension StatusCatalogue {
    /// A catalogue text with its places, such as `{limit}`, filled from the values that the status carries. The name of
    /// a quota is put in the reader's language.
    static func filled(_ text: String, _ values: [String: String], language: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        var filled = ""
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            filled += rest[..<open]
            let value = values[name] ?? "?"
            filled += name == "quota" ? quotaName(value, language: language) ?? value : value
            rest = rest[rest.index(after: close)...]
        }
        return filled + rest
    }

    /// What a quota counts, in `"fr"`, `"ar"` or `"en"`.
    public static func quotaName(_ quota: String, language: String) -> String? { quotaNames[quota]?[language] }

    private static let quotaNames: [String: [String: String]] = [
        "documents": ["fr": "documents", "ar": "المستندات", "en": "documents"],
        "chunks": ["fr": "passages", "ar": "المقاطع", "en": "chunks"],
        "bytes": ["fr": "octets", "ar": "البايتات", "en": "bytes"],
        "members": ["fr": "membres", "ar": "الأعضاء", "en": "members"],
        "keys": ["fr": "clés", "ar": "المفاتيح", "en": "keys"],
        "queries": ["fr": "requêtes", "ar": "الاستعلامات", "en": "queries"],
        "tokens": ["fr": "jetons", "ar": "الرموز", "en": "tokens"],
        "runs": ["fr": "exécutions", "ar": "عمليات التشغيل", "en": "runs"],
    ]
}
