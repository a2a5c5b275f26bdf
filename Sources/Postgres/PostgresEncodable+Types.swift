public import Bytes

/// A Swift value that can be an element of an array parameter.
public protocol PostgresArrayElement: Sendable {
    /// Writes the elements as one parameter.
    static func encodeArray(_ elements: [Self], into writer: inout ParameterWriter)
    /// Appends the element's text form, without quotes.
    func appendText(to bytes: inout [UInt8])
    /// Whether the text form can hold commas, braces, quotes, blanks or the word NULL.
    static var needsQuotes: Bool { get }
    /// Reads an array.
    static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresArrayElement {
    public static var needsQuotes: Bool { false }

    public static func encodeArray(_ elements: [Self], into writer: inout ParameterWriter) {
        writer.writeText { bytes in
            bytes.append(UInt8(ascii: "{"))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                if needsQuotes {
                    var plain: [UInt8] = []
                    element.appendText(to: &plain)
                    appendQuoted(plain, to: &bytes)
                } else {
                    element.appendText(to: &bytes)
                }
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

private func appendQuoted(_ plain: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in plain {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
        bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { Element.encodeArray(self, into: &writer) }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    public func encode(into writer: inout ParameterWriter) {
        if let self { self.encode(into: &writer) } else { writer.writeNull() }
    }
}

extension UInt8: PostgresArrayElement {
    /// `[UInt8]` is a `bytea`.
    public static func encodeArray(_ elements: [UInt8], into writer: inout ParameterWriter) {
        writer.writeBinary { $0.append(contentsOf: elements) }
    }
    public func appendText(to bytes: inout [UInt8]) { appendDecimal(self, to: &bytes) }
}

extension Array where Element == UInt8 {
    func appendHexText(to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "x"))
        for byte in self {
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}

/// `[[UInt8]]` is a `bytea[]`. No other array of arrays can be sent.
extension Array: PostgresArrayElement where Element == UInt8 {
    public static var needsQuotes: Bool { true }
    public func appendText(to bytes: inout [UInt8]) { appendHexText(to: &bytes) }
}

func appendDecimal(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: String(value).utf8)
}

extension Bool: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendText(to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: (self ? "true" : "false").utf8) }
}

extension Int: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendDecimal(self, to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { appendDecimal(self, to: &bytes) }
}

extension Int32: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendDecimal(self, to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { appendDecimal(self, to: &bytes) }
}

extension Int64: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendDecimal(self, to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { appendDecimal(self, to: &bytes) }
}

extension Double: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendText(to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension Float: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendText(to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension String: PostgresEncodable, PostgresArrayElement {
    public static var needsQuotes: Bool { true }
    public func encode(into writer: inout ParameterWriter) { writer.writeText { $0.append(contentsOf: utf8) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
}

extension UUID128: PostgresEncodable, PostgresArrayElement {
    public func encode(into writer: inout ParameterWriter) { writer.writeText { appendText(to: &$0) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension PostgresJSON: PostgresEncodable, PostgresArrayElement {
    public static var needsQuotes: Bool { true }
    public func encode(into writer: inout ParameterWriter) { writer.writeText { $0.append(contentsOf: text.utf8) } }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: text.utf8) }
}

extension PostgresTimestamp: PostgresEncodable, PostgresArrayElement {
    public static var needsQuotes: Bool { true }
    public func encode(into writer: inout ParameterWriter) {
        // What lies before PostgreSQL's range is its -infinity.
        let (micros, isBefore) = unixMicros.subtractingReportingOverflow(Self.epochOffset)
        writer.writeBinary { bytes in appendBigEndian(isBefore ? Int64.min : micros, to: &bytes) }
    }
    public func appendText(to bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }
}

extension HalfVector: PostgresEncodable, PostgresArrayElement {
    public static var needsQuotes: Bool { true }
    public func encode(into writer: inout ParameterWriter) {
        writer.writeBinary { bytes in
            bytes.reserveCapacity(bytes.count + 4 + 2 * elements.count)
            appendBigEndian(UInt16(truncatingIfNeeded: elements.count), to: &bytes)
            appendBigEndian(UInt16(0), to: &bytes)
            for element in elements { appendBigEndian(Float16(element).bitPattern, to: &bytes) }
        }
    }
    public func appendText(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: Float(Float16(element)).description.utf8)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

func appendBigEndian<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    var shift = T.bitWidth
    while shift > 0 {
        shift -= 8
        bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
    }
}

extension PostgresTimestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds, such as `2026-01-31T08:00:00.000001Z`.
    public var description: String {
        let day = 86_400_000_000 as Int64
        var days = unixMicros / day
        var rest = unixMicros % day
        if rest < 0 {
            rest += day
            days -= 1
        }
        let (year, month, dayOfMonth) = Self.civil(fromDays: days)
        let seconds = rest / 1_000_000
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
        let time = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return "\(date)T\(time).\(padded(rest % 1_000_000, 6))Z"
    }

    /// The Gregorian date of a day number, where day 0 is 1970-01-01. Eras of 400 years have a fixed length.
    static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }
}
