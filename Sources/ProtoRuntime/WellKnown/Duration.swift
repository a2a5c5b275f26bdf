/// A span of time (google.protobuf.Duration), at most some 10,000 years either way.
public struct Google_Protobuf_Duration: Message {
    public static var protoMessageName: String { "google.protobuf.Duration" }
    static let secondsRange: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

    public var seconds: Int64 = 0
    /// -999,999,999 to 999,999,999, of the same sign as `seconds`.
    public var nanos: Int32 = 0
    public var unknownFields = UnknownFields()

    public init() {}

    public init(seconds: Int64, nanos: Int32 = 0) {
        self.seconds = seconds
        self.nanos = nanos
    }

    public init(microseconds: Int64) {
        seconds = microseconds / 1_000_000
        nanos = Int32(microseconds % 1_000_000) * 1000
    }

    /// The whole span in microseconds; what does not fit is clamped.
    public var microseconds: Int64 {
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
        guard Self.secondsRange.contains(seconds), abs(Int64(nanos)) < 1_000_000_000,
            seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
        else { throw JSONError(.invalidValue, "the duration is out of range or has two signs") }
        let sign = seconds < 0 || nanos < 0 ? "-" : ""
        json.string("\(sign)\(seconds.magnitude)\(RFC3339.fraction(abs(nanos)))s")
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        let text = try json.string()
        guard let value = Self.parse(text) else {
            throw json.error(.invalidValue, "expected a duration such as \"1.5s\", not \"\(text)\"")
        }
        (seconds, nanos) = (value.seconds, value.nanos)
    }

    private static func parse(_ text: String) -> Google_Protobuf_Duration? {
        var bytes = Array(text.utf8)[...]
        guard bytes.popLast() == UInt8(ascii: "s") else { return nil }
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes = bytes.dropFirst() }
        let whole = bytes.prefix { $0 &- 0x30 < 10 }
        // Fifteen digits cannot overflow, twelve are valid.
        guard (1...15).contains(whole.count) else { return nil }
        let seconds = whole.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        guard secondsRange.contains(seconds) else { return nil }
        let rest = bytes[whole.endIndex...]
        var nanos: Int32 = 0
        if !rest.isEmpty {
            guard rest.first == UInt8(ascii: "."), let value = RFC3339.nanos(rest.dropFirst()) else { return nil }
            nanos = value
        }
        return isNegative ? .init(seconds: -seconds, nanos: -nanos) : .init(seconds: seconds, nanos: nanos)
    }
}
