import ProtoRuntime
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, 0), ("1972-01-01T10:00:20.021Z", 63_108_020, 21_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
        ("2024-02-29T12:00:00.000001Z", 1_709_208_000, 1000), ("1969-12-31T23:59:59.500Z", -1, 500_000_000),
    ])
    func text(_ text: String, _ seconds: Int64, _ nanos: Int32) throws {
        let time = Google_Protobuf_Timestamp(seconds: seconds, nanos: nanos)
        #expect(try time.jsonString() == "\"\(text)\"")
        #expect(try Google_Protobuf_Timestamp(json: "\"\(text)\"") == time)
    }

    @Test func offsetsAndFractions() throws {
        #expect(
            try Google_Protobuf_Timestamp(json: #""1970-01-01T01:00:00.5+01:00""#)
                == .init(seconds: 0, nanos: 500_000_000))
        #expect(try Google_Protobuf_Timestamp(json: #""1969-12-31T23:30:00-00:30""#) == .init(seconds: 0))
    }

    @Test(arguments: [
        "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-01-01T24:00:00Z",
        "2023-01-01T00:00:60Z",
        "2023-01-01", "2023-01-01T00:00:00", "2023-01-01t00:00:00Z", "2023-01-01T00:00:00.Z",
        "2023-01-01T00:00:00.0123456789Z",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2023-01-01T00:00:00+1:00", "0001-01-01T00:00:00+23:00", "",
        "é123-01-01T00:00:00Z",
    ])
    func refuses(_ text: String) {
        #expect(throws: JSONError.self) { try Google_Protobuf_Timestamp(json: "\"\(text)\"") }
    }

    @Test func everyDayOfFourCenturies() throws {
        var previous = ""
        for day in stride(from: Int64(-719_162), to: 146_097, by: 97) {
            let time = Google_Protobuf_Timestamp(seconds: day * 86_400)
            let text = try time.jsonString()
            #expect(text > previous)
            #expect(try Google_Protobuf_Timestamp(json: text) == time)
            previous = text
        }
    }

    @Test func micros() {
        #expect(Google_Protobuf_Timestamp(unixMicros: -1) == .init(seconds: -1, nanos: 999_999_000))
        for micros: Int64 in [0, 1, -1, 1_700_000_000_123_456, -1_000_000, .max, .min] {
            #expect(Google_Protobuf_Timestamp(unixMicros: micros).unixMicros == micros)
        }
        #expect(Google_Protobuf_Timestamp(seconds: .max).unixMicros == .max)
        #expect(throws: JSONError.self) { try Google_Protobuf_Timestamp(seconds: 253_402_300_800).jsonString() }
        #expect(throws: JSONError.self) { try Google_Protobuf_Timestamp(seconds: 0, nanos: -1).jsonString() }
    }
}

@Suite struct OtherWellKnownTests {
    @Test(arguments: [
        ("1.500s", 1, 500_000_000), ("-0.000000001s", 0, -1), ("0s", 0, 0), ("-3s", -3, 0),
        ("315576000000s", 315_576_000_000, 0),
    ])
    func durations(_ text: String, _ seconds: Int64, _ nanos: Int32) throws {
        let duration = Google_Protobuf_Duration(seconds: seconds, nanos: nanos)
        #expect(try duration.jsonString() == "\"\(text)\"")
        #expect(try Google_Protobuf_Duration(json: "\"\(text)\"") == duration)
    }

    @Test(arguments: [
        "1", "s", "1.s", ".5s", "1.0123456789s", "315576000001s", "+1s", "1 s", "--1s", "99999999999999999999s",
    ])
    func badDurations(_ text: String) {
        #expect(throws: JSONError.self) { try Google_Protobuf_Duration(json: "\"\(text)\"") }
    }

    @Test func durationEdges() {
        #expect(throws: JSONError.self) { try Google_Protobuf_Duration(seconds: 1, nanos: -1).jsonString() }
        #expect(Google_Protobuf_Duration(microseconds: -1_500_000) == .init(seconds: -1, nanos: -500_000_000))
        #expect(Google_Protobuf_Duration(seconds: .min).microseconds == .min)
    }

    @Test func fieldMasks() throws {
        #expect(try Google_Protobuf_FieldMask(paths: ["a_b.c", "d"]).jsonString() == #""aB.c,d""#)
        #expect(try Google_Protobuf_FieldMask(json: #""aB.c,d""#).paths == ["a_b.c", "d"])
        #expect(try Google_Protobuf_FieldMask(json: #""""#).paths == [])
        #expect(throws: JSONError.self) { try Google_Protobuf_FieldMask(json: #""a_b""#) }
        #expect(throws: JSONError.self) { try Google_Protobuf_FieldMask(paths: ["aB"]).jsonString() }
        #expect(throws: JSONError.self) { try Google_Protobuf_FieldMask(paths: ["a__b"]).jsonString() }
    }

    @Test func values() throws {
        let json = #"{"a":[1,2.5,"x",null,true,{}],"b":{"c":[]}}"#
        let value = try Google_Protobuf_Struct(json: json)
        #expect(value["a"]?.listValue?.values.count == 6)
        #expect(value["a"]?.listValue?.values[3].isNull == true)
        #expect(try value.jsonString() == json)
        #expect(throws: JSONError.self) { try Google_Protobuf_Value().jsonString() }
        #expect(throws: JSONError.self) { try Google_Protobuf_Value(.numberValue(.nan)).jsonString() }
        #expect(throws: JSONError.self) { try Google_Protobuf_Struct(json: #"{"a":1,"a":2}"#) }
    }

    @Test func wrappers() throws {
        #expect(try Google_Protobuf_Int64Value(7).jsonString() == #""7""#)
        let message = try All(json: #"{"wrappedInt64":"0","wrappedBool":true,"wrappedBytes":"AQ==","wrappedUint32":4}"#)
        #expect(message.wrappedInt64 == .init(0))
        #expect(message.wrappedBool?.value == true)
        #expect(message.wrappedBytes?.value == [1])
        #expect(message.wrappedUint32?.value == 4)
    }
}

@Suite struct AnyTests {
    private var options: JSONOptions {
        var options = JSONOptions.defaults
        options.register([All.self, Few.self])
        return options
    }

    @Test func wellKnownInside() throws {
        let any = Google_Protobuf_Any(Google_Protobuf_Duration(seconds: 2))
        let json = #"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s"}"#
        #expect(try any.jsonString() == json)
        #expect(try Google_Protobuf_Any(json: json) == any)
        let nested = Google_Protobuf_Any(any)
        #expect(try Google_Protobuf_Any(json: nested.jsonBytes()) == nested)
    }

    @Test func messagesInside() throws {
        let any = Google_Protobuf_Any(Few.with { $0.stringValue = "x" })
        let json = #"{"@type":"type.googleapis.com/ragdz.test.FewFeatures","stringValue":"x"}"#
        #expect(try any.jsonString(options: options) == json)
        #expect(try Google_Protobuf_Any(json: json, options: options) == any)
        let behind = #"{"stringValue":"x","@type":"type.googleapis.com/ragdz.test.FewFeatures"}"#
        #expect(try Google_Protobuf_Any(json: behind, options: options) == any)
        #expect(try any.unpack(Few.self)?.stringValue == "x")
        #expect(try any.unpack(All.self) == nil)
        let empty = Google_Protobuf_Any(Few())
        #expect(try Google_Protobuf_Any(json: empty.jsonBytes(options: options), options: options) == empty)
    }

    @Test(arguments: [
        #"{"stringValue":"x"}"#, #"{"@type":"ragdz.test.FewFeatures"}"#, #"{"@type":"type.googleapis.com/no.Such"}"#,
        #"{"@type":"type.googleapis.com/google.protobuf.Duration"}"#,
        #"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s","x":1}"#,
        #"{"@type":"type.googleapis.com/ragdz.test.FewFeatures","stringValue":"x","y":1}"#,
        #"{"@type":"type.googleapis.com/ragdz.test.AllFeatures","leaf":{"@type":"x"}}"#,
        #"{"@type":1}"#, "[]",
    ])
    func refuses(_ json: String) {
        #expect(throws: JSONError.self) { try Google_Protobuf_Any(json: json, options: options) }
    }

    @Test func unknownTypesHaveNoJSON() {
        #expect(throws: JSONError.self) { try Google_Protobuf_Any(Few()).jsonString() }
        #expect((try? Google_Protobuf_Any().jsonString()) == "{}")
    }
}
