internal import Bytes
internal import ProtoRuntime
internal import RPC
internal import Schema

/// What a tenant's fields may hold. Pure: requests in, values or a `Status` out.
enum TenantRules {
    /// Characters of a slug.
    static let slugLength = 3...63
    /// Characters (Unicode scalars) of a name.
    static let nameLength = 1...200
    /// Days of a trial.
    static let trialDays: ClosedRange<Int32> = 0...90
    /// Bytes of the settings as JSON: 16 KiB.
    static let maximumSettingsBytes = 16 * 1024
    /// Characters of the reason for a suspension.
    static let maximumReasonLength = 500
    static let plans = ["free", "starter", "pro", "enterprise"]
    static let languages = ["fr", "ar", "en"]

    static func slug(_ slug: String) throws(Status) -> String {
        let isWellFormed = slug.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): index > 0
            default: false
            }
        }
        guard isWellFormed, slugLength.contains(slug.utf8.count) else {
            throw .invalidArgument(
                "slug is 3 to 63 of a-z, 0-9 and \"-\", starting with a letter.", reason: "INVALID_SLUG", field: "slug")
        }
        return slug
    }

    static func name(_ name: String, field: String = "name") throws(Status) -> String {
        guard nameLength.contains(name.unicodeScalars.count), isPrintable(name), !isBlank(name) else {
            throw .invalidArgument(
                "\(field) is 1 to 200 characters, without control characters and not blank.", reason: "INVALID_NAME",
                field: field)
        }
        return name
    }

    static func timezone(_ name: String, field: String = "timezone") throws(Status) -> String {
        guard TimeZones.contains(name) else {
            throw .invalidArgument(
                "\(field) is an IANA name such as Africa/Algiers or Europe/Zurich.", reason: "UNKNOWN_TIMEZONE",
                field: field)
        }
        return name
    }

    static func language(_ code: String, field: String = "default_language") throws(Status) -> String {
        guard languages.contains(code) else {
            throw .invalidArgument("\(field) is \"fr\", \"ar\" or \"en\".", reason: "UNKNOWN_LANGUAGE", field: field)
        }
        return code
    }

    static func plan(_ name: String, field: String = "plan") throws(Status) -> String {
        guard plans.contains(name) else {
            throw .invalidArgument(
                "\(field) is one of \(plans.joined(separator: ", ")).", reason: "UNKNOWN_PLAN", field: field)
        }
        return name
    }

    /// The settings as JSON text; an unset struct is an empty object.
    static func settings(_ settings: Google_Protobuf_Struct?, field: String = "settings") throws(Status) -> String {
        guard let settings else { return "{}" }
        let text: String
        do { text = try settings.jsonString() } catch {
            throw .invalidArgument(
                "\(field) cannot be written as JSON: it holds an unset value, NaN, or is nested too deep.",
                reason: "INVALID_SETTINGS", field: field)
        }
        guard text.utf8.count <= maximumSettingsBytes else {
            throw .invalidArgument(
                "\(field) is at most 16 KiB as JSON, not \(text.utf8.count) bytes.", reason: "SETTINGS_TOO_LARGE",
                field: field)
        }
        // PostgreSQL's text has no NUL, so JSON that escapes one cannot be stored.
        guard !text.contains("\\u0000") else {
            throw .invalidArgument("\(field) contains a NUL character.", reason: "INVALID_SETTINGS", field: field)
        }
        return text
    }

    static func suspendReason(_ reason: String) throws(Status) -> String {
        guard reason.unicodeScalars.count <= maximumReasonLength, isPrintable(reason) else {
            throw .invalidArgument(
                "reason is at most 500 characters, without control characters.", reason: "INVALID_REASON",
                field: "reason")
        }
        return reason
    }

    static func id(_ text: String, field: String = "id") throws(Status) -> UUID128 {
        guard let id = UUID128(text) else {
            throw .invalidArgument("\(field) is a UUID.", reason: "INVALID_ID", field: field)
        }
        return id
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    private static func isBlank(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }
}

/// The regions by their code in the database, with what a tenant there gets by default.
enum RegionTable {
    static func code(_ region: Ragdz_V1_Region, field: String = "region") throws(Status) -> String {
        guard let entry = entries.first(where: { $0.region == region }) else {
            throw .invalidArgument(
                "\(field) is one of REGION_DZ, REGION_CH, REGION_FR, REGION_BE and REGION_CA.",
                reason: "UNKNOWN_REGION", field: field)
        }
        return entry.code
    }

    static func region(_ code: String) -> Ragdz_V1_Region {
        entries.first { $0.code == code }?.region ?? .unspecified
    }

    /// The time zone of the region's own.
    static func timezone(_ code: String) -> String {
        entries.first { $0.code == code }?.timezone ?? "UTC"
    }

    private static let entries: [(region: Ragdz_V1_Region, code: String, timezone: String)] = [
        (.dz, "DZ", "Africa/Algiers"), (.ch, "CH", "Europe/Zurich"), (.fr, "FR", "Europe/Paris"),
        (.be, "BE", "Europe/Brussels"), (.ca, "CA", "America/Toronto"),
    ]
}
