/// A point in time (google.protobuf.Timestamp); the years 1 to 9999.
public struct Google_Protobuf_Timestamp: Message {
    public static var protoMessageName: String { "google.protobuf.Timestamp" }
    static let secondsRange: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    /// Seconds since 1970-01-01T00:00:00Z.
    public var seconds: Int64 = 0
    /// 0 to 999,999,999, counted forward also before 1970.
    public var nanos: Int32 = 0
    public var unknownFields = UnknownFields()

    public init() {}

    public init(seconds: Int64, nanos: Int32 = 0) {
        self.seconds = seconds
        self.nanos = nanos
    }

    /// Microseconds since 1970-01-01T00:00:00Z, as `WallClock` and the database give them.
    public init(unixMicros: Int64) {
        let (seconds, rest) = unixMicros.quotientAndRemainder(dividingBy: 1_000_000)
        self.seconds = rest < 0 ? seconds - 1 : seconds
        nanos = Int32(rest < 0 ? rest + 1_000_000 : rest) * 1000
    }

    /// Microseconds since 1970-01-01T00:00:00Z; what does not fit is clamped.
    public var unixMicros: Int64 {
        let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, tooLarge) = micros.addingReportingOverflow(Int64(nanos / 1000))
        return tooLarge ? (nanos < 0 ? .min : .max) : sum
    }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.singular(ProtoInt64.self, 1, seconds) + sizes.singular(ProtoInt32.self, 2, nanos)
            + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.singular(ProtoInt64.self, 1, seconds)
        writer.singular(ProtoInt32.self, 2, nanos)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 8: try reader.singular(ProtoInt64.self, &seconds)
            case 16: try reader.singular(ProtoInt32.self, &nanos)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        guard let text = RFC3339.text(self) else {
            throw JSONError(.invalidValue, "a timestamp outside the years 1 to 9999 has no JSON form")
        }
        json.string(text)
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        let text = try json.string()
        guard let time = RFC3339.timestamp(text) else {
            throw json.error(.invalidValue, "expected a time such as 2026-01-31T12:00:00Z, not \"\(text)\"")
        }
        (seconds, nanos) = (time.seconds, time.nanos)
    }
}

/// The text form of timestamps.
enum RFC3339 {
    static func text(_ time: Google_Protobuf_Timestamp) -> String? {
        guard Google_Protobuf_Timestamp.secondsRange.contains(time.seconds), (0..<1_000_000_000).contains(time.nanos)
        else { return nil }
        let day = Int((Double(time.seconds) / 86_400).rounded(.down))
        let second = Int(time.seconds) - day * 86_400
        let (year, month, date) = civil(day)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(date, 2))T"
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
            + "\(fraction(time.nanos))Z"
    }

    /// No fraction, or 3, 6 or 9 digits.
    static func fraction(_ nanos: Int32) -> String {
        if nanos == 0 { return "" }
        if nanos % 1_000_000 == 0 { return "." + padded(Int(nanos) / 1_000_000, 3) }
        if nanos % 1000 == 0 { return "." + padded(Int(nanos) / 1000, 6) }
        return "." + padded(Int(nanos), 9)
    }

    /// Up to nine digits as nanoseconds; nil for anything else.
    static func nanos(_ digits: some Collection<UInt8>) -> Int32? {
        guard (1...9).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        let value = digits.reduce(Int32(0)) { $0 * 10 + Int32($1 - 0x30) }
        return (digits.count..<9).reduce(value) { value, _ in value * 10 }
    }

    static func padded(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    static func timestamp(_ text: String) -> Google_Protobuf_Timestamp? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard bytes[range].allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
            return bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        guard bytes.count >= 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A,
            bytes[16] == 0x3A,
            let year = number(0..<4), let month = number(5..<7), let date = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            year >= 1, (1...12).contains(month), date >= 1, date <= length(of: month, year), hour < 24, minute < 60,
            second < 60
        else { return nil }
        var rest = bytes[19...]
        var nanos: Int32 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { $0 &- 0x30 < 10 }
            guard let value = Self.nanos(digits) else { return nil }
            nanos = value
            rest = rest[digits.endIndex...]
        }
        guard let offset = offset(Array(rest)) else { return nil }
        let seconds = Int64(days(year, month, date) * 86_400 + hour * 3600 + minute * 60 + second - offset)
        guard Google_Protobuf_Timestamp.secondsRange.contains(seconds) else { return nil }
        return Google_Protobuf_Timestamp(seconds: seconds, nanos: nanos)
    }

    /// "Z" or an offset of hours and minutes, in seconds.
    private static func offset(_ text: [UInt8]) -> Int? {
        if text == [UInt8(ascii: "Z")] { return 0 }
        guard text.count == 6, text[3] == UInt8(ascii: ":"), text[0] == 0x2B || text[0] == 0x2D else { return nil }
        let digits = [text[1], text[2], text[4], text[5]]
        guard digits.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        let values = digits.map { Int($0 - 0x30) }
        let (hours, minutes) = (values[0] * 10 + values[1], values[2] * 10 + values[3])
        guard hours < 24, minutes < 60 else { return nil }
        return (text[0] == 0x2D ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    private static func length(of month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 of a date in the Gregorian calendar. The year is taken to begin in March, so that the
    /// leap day is its last.
    private static func days(_ year: Int, _ month: Int, _ date: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted % 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + date - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, date: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }
}
