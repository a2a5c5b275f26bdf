/// One line of JSON under construction: an object of strings and whole numbers, in the order in which they are added.
struct JSONLine {
    private var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(384)
        bytes.append(UInt8(ascii: "{"))
    }

    /// The object of these fields, without a line feed.
    static func object(_ fields: [(String, String)]) -> String {
        var line = JSONLine()
        for (name, value) in fields { line.add(name, value) }
        return String(decoding: line.finish().dropLast(), as: UTF8.self)
    }

    /// The two fields that every log line begins with.
    mutating func begin(level: StaticString, now: Int64) {
        addTime(now)
        addName("level")
        bytes.append(UInt8(ascii: "\""))
        level.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func begin(level: String, now: Int64) {
        addTime(now)
        add("level", level)
    }

    mutating func add(_ name: String, _ value: String) {
        addName(name)
        append(value)
    }

    mutating func add(_ name: String, _ value: Int64) {
        addName(name)
        append(number: value, width: 1)
    }

    /// The line with its end.
    mutating func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private mutating func addName(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        append(name)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            bytes.append(UInt8(ascii: "\""))
            for byte in utf8 {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    bytes.append(UInt8(ascii: "\\"))
                    bytes.append(byte)
                case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
                case 0..<0x20, 0x7F:
                    bytes += "\\u00".utf8
                    bytes.append(Self.digit(byte >> 4))
                    bytes.append(Self.digit(byte & 15))
                default: bytes.append(byte)
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

    private mutating func append(number: Int64, width: Int) {
        var digits: [UInt8] = []
        var rest = number.magnitude
        while rest > 0 || digits.count < width {
            digits.append(UInt8(48 + rest % 10))
            rest /= 10
        }
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(contentsOf: digits.reversed())
    }
}

// MARK: - Time

extension JSONLine {
    /// Adds `time` as RFC 3339 in UTC with microseconds, from Unix microseconds.
    private mutating func addTime(_ micros: Int64) {
        addName("time")
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000)
        let (days, second) = (seconds / 86_400, seconds % 86_400)
        let date = Self.date(daysSince1970: days)
        bytes.append(UInt8(ascii: "\""))
        append(number: date.year, width: 4)
        append(part: date.month, after: "-")
        append(part: date.day, after: "-")
        append(part: second / 3600, after: "T")
        append(part: second / 60 % 60, after: ":")
        append(part: second % 60, after: ":")
        bytes.append(UInt8(ascii: "."))
        append(number: fraction, width: 6)
        bytes += [UInt8(ascii: "Z"), UInt8(ascii: "\"")]
    }

    private mutating func append(part: Int64, after separator: Unicode.Scalar) {
        bytes.append(UInt8(ascii: separator))
        append(number: part, width: 2)
    }

    /// The civil date of a day, by eras of 400 years that begin in March, so that the leap day comes last.
    static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}
