import ProtoRuntime
import Testing

private func failure(_ json: String, _ options: JSONOptions = .defaults) -> JSONError.Code? {
    do {
        _ = try All(json: json, options: options)
        return nil
    } catch {
        return error.code
    }
}

@Suite struct JSONReadingTests {
    @Test func bothNamesAndOrder() throws {
        let message = try All(
            json: #" { "int32_value" : 1, "stringValue":"x", "doubleValue": 2 , "@name": "j", "UPPERName": "u" } "#)
        #expect(message.int32Value == 1)
        #expect(message.stringValue == "x")
        #expect(message.doubleValue == 2)
        #expect(message.jsonNamed == "j")
        #expect(try All(json: #"{"int32\u0056alue": 3}"#).int32Value == 3)
    }

    @Test(arguments: [
        (#"{"int64Value":"-9223372036854775808"}"#, Int64.min), (#"{"int64Value":9223372036854775807}"#, .max),
        (#"{"int64Value":1.0}"#, 1), (#"{"int64Value":1e3}"#, 1000), (#"{"int64Value":"12.50e2"}"#, 1250),
        (#"{"int64Value":-0}"#, 0), (#"{"int64Value":0.0e9}"#, 0), (#"{"int64Value":null}"#, 0),
    ])
    func integers(_ json: String, _ value: Int64) throws {
        #expect(try All(json: json).int64Value == value)
    }

    @Test(arguments: [
        (#"{"doubleValue":"NaN"}"#, Double.nan), (#"{"doubleValue":"-Infinity"}"#, -.infinity),
        (#"{"doubleValue":"1.5"}"#, 1.5), (#"{"doubleValue":-0.0}"#, -0.0), (#"{"doubleValue":1E-2}"#, 0.01),
    ])
    func reals(_ json: String, _ value: Double) throws {
        let read = try All(json: json).doubleValue
        #expect(read.bitPattern == value.bitPattern || (read.isNaN && value.isNaN))
    }

    @Test func stringsAndBytes() throws {
        #expect(
            try All(json: #"{"stringValue":"\u0633\ud83d\ude42\/\b\f\n\r\t\"\\"}"#).stringValue
                == "س🙂/\u{8}\u{C}\n\r\t\"\\")
        #expect(try All(json: #"{"bytesValue":"-_8"}"#).bytesValue == [0xFB, 0xFF])
        #expect(try All(json: #"{"bytesValue":"+/8="}"#).bytesValue == [0xFB, 0xFF])
    }

    @Test func enums() throws {
        let message = try All(
            json: #"{"colours":["COLOUR_RED", 2, -3, 50, "COLOUR_UNSPECIFIED"],"aliased":"ALIASED_UNO"}"#)
        #expect(message.colours == [.red, .green, .negative, .init(rawValue: 50), .unspecified])
        #expect(message.aliased == .one)
    }

    @Test func nullMeansAbsentExceptForValues() throws {
        #expect(
            try All(json: #"{"int32Value":null,"leaf":null,"int32s":null,"stringMap":null,"choiceText":null}"#) == All()
        )
        #expect(try All(json: #"{"value":null}"#).value == .null)
        #expect(try All(json: #"{"choiceNull":null}"#).choice == .choiceNull(.nullValue))
        #expect(try All(json: #"{"choiceNull":"NULL_VALUE"}"#).jsonString() == #"{"choiceNull":null}"#)
        #expect(try All(json: #"{"choiceText":null,"choiceNumber":4}"#).choice == .choiceNumber(4))
        #expect(try All(json: #"{"values":[null]}"#).values == [nil])
    }

    @Test(
        arguments: [
            ("", .syntax), ("[]", .wrongType), ("{", .syntax), ("{}x", .syntax), ("{} {}", .syntax),
            (#"{"int32Value":1,}"#, .syntax),
            (#"{,}"#, .wrongType), (#"{int32Value:1}"#, .wrongType), (#"{"int32Value" 1}"#, .syntax),
            (#"{"int32s":[1,]}"#, .syntax),
            (#"{"int32s":[1 2]}"#, .syntax), (#"{"int32Value":01}"#, .wrongType), (#"{"int32Value":+1}"#, .wrongType),
            (#"{"int32Value":1.5}"#, .outOfRange), (#"{"int32Value":2147483648}"#, .outOfRange),
            (#"{"uint32Value":-1}"#, .outOfRange),
            (#"{"uint64Value":18446744073709551616}"#, .outOfRange), (#"{"int32Value":1e400}"#, .outOfRange),
            (#"{"int64Value":1e999999999999}"#, .outOfRange), (#"{"int64Value":"1e-999999999999"}"#, .outOfRange),
            (#"{"int64Value":1.5e-9223372036854775808}"#, .outOfRange),
            (#"{"int64Value":10e9223372036854775807}"#, .outOfRange),
            (#"{"int64Value":1e99999999999999999999}"#, .outOfRange),
            (#"{"int64Value":1e1000000000}"#, .outOfRange), (#"{"int64Value":10e-1000000000}"#, .outOfRange),
            (#"{"int32Value":" 1"}"#, .invalidValue), (#"{"int32Value":""}"#, .invalidValue),
            (#"{"int32Value":true}"#, .wrongType),
            (#"{"floatValue":1e39}"#, .outOfRange), (#"{"doubleValue":1e309}"#, .outOfRange),
            (#"{"doubleValue":NaN}"#, .wrongType),
            (#"{"boolValue":"true"}"#, .wrongType), (#"{"boolValue":1}"#, .wrongType),
            (#"{"stringValue":1}"#, .wrongType),
            (#"{"stringValue":"\x"}"#, .syntax), (#"{"stringValue":"\u12"}"#, .syntax),
            (#"{"stringValue":"\ud800"}"#, .invalidUTF8),
            (#"{"stringValue":"\udc00"}"#, .invalidUTF8), ("{\"stringValue\":\"a\nb\"}", .syntax),
            (#"{"stringValue":"a"#, .syntax),
            (#"{"stringValue":"\"#, .syntax), (#"{"bytesValue":"*"}"#, .invalidValue), (#"{"leaf":[]}"#, .wrongType),
            (#"{"int32s":1}"#, .wrongType), (#"{"int32s":[null]}"#, .wrongType),
            (#"{"stringMap":{"a":null}}"#, .wrongType),
            (#"{"unknown":1}"#, .unknownField), (#"{"leaf":{"x":1}}"#, .unknownField),
            (#"{"colour":"PINK"}"#, .unknownEnumValue),
            (#"{"int32Value":1,"int32_value":1}"#, .duplicateField),
            (#"{"int32Value":1,"int32Value":1}"#, .duplicateField),
            (#"{"choiceText":"a","choiceNumber":1}"#, .duplicateField),
            (#"{"stringMap":{"a":"1","a":"2"}}"#, .duplicateField),
            (#"{"leafMap":{"x":{}}}"#, .invalidValue), (#"{"boolMap":{"1":1}}"#, .invalidValue),
            (#"{"leafMap":{"+1":{}}}"#, .invalidValue),
        ] as [(String, JSONError.Code)])
    func typedError(_ json: String, _ code: JSONError.Code) {
        #expect(failure(json) == code, "\(json)")
    }

    @Test func invalidUTF8() {
        #expect(throws: JSONError.self) {
            try All(json: Array("{\"stringValue\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8))
        }
    }

    @Test func unknownFieldsOnRequest() throws {
        var options = JSONOptions.defaults
        options.ignoreUnknownFields = true
        let json =
            #"{"x":{"a":[1,{"b":null}],"c":"\""},"int32Value":5,"colours":["PINK","COLOUR_RED"],"colour":"PINK"}"#
        let message = try All(json: json, options: options)
        #expect(message.int32Value == 5)
        #expect(message.colours == [.red])
        #expect(failure(#"{"x":{"a":[1,}}"#, options) != nil)
    }

    @Test func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"child":"#, count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
        }
        #expect(failure(nested(100)) == nil)
        #expect(failure(nested(101)) == .tooDeep)
        #expect(failure(#"{"value":"# + String(repeating: "[", count: 100_000)) == .tooDeep)
        var options = JSONOptions.defaults
        options.ignoreUnknownFields = true
        #expect(failure(#"{"x":"# + String(repeating: "[", count: 100_000), options) == .tooDeep)
    }

    @Test func everyPrefixIsAnError() throws {
        let bytes = try Sample.full().jsonBytes()
        for count in 0..<bytes.count { #expect(throws: JSONError.self) { try All(json: Array(bytes[..<count])) } }
    }
}

@Suite struct JSONWritingTests {
    @Test func roundTrip() throws {
        let message = try Sample.full()
        #expect(try All(json: message.jsonBytes()) == message)
    }

    @Test func canonicalForm() throws {
        var message = All()
        message.int64Value = 5
        message.doubleValue = 2
        message.floatValue = 0.1
        message.bytesValue = [0xFB, 0xFF]
        message.stringValue = "a\"\\\n\u{1}é"
        message.colour = .green
        #expect(
            try message.jsonString()
                == #"{"doubleValue":2,"floatValue":0.1,"int64Value":"5","stringValue":"a\"\\\n\u0001é","bytesValue":"+/8=","colour":"COLOUR_GREEN"}"#
        )
        #expect(try All().jsonString() == "{}")
    }

    @Test func defaultsOnRequest() throws {
        var options = JSONOptions.defaults
        options.writeDefaults = true
        #expect(try Few().jsonString(options: options) == #"{"stringValue":""}"#)
        let text = try All().jsonString(options: options)
        #expect(text.contains(#""int32s":[]"#))
        #expect(!text.contains("maybe"))
    }

    @Test func mapsAreSorted() throws {
        var message = All()
        message.stringMap = ["b": "2", "a": "1", "c": "3"]
        #expect(try message.jsonString() == #"{"stringMap":{"a":"1","b":"2","c":"3"}}"#)
    }
}
