import ProtoRuntime
import Testing

/// The quick paths for numbers against the standard library's own conversions.
@Suite struct JSONNumberTests {
    private func decimals(_ count: Int, _ seed: UInt64) -> [String] {
        var random = SplitMix(state: seed)
        return (0..<count).map { _ in
            let digits = String(random.next() >> UInt64.random(in: 0...60, using: &random))
            let places = Int.random(in: 0...digits.count + 3, using: &random)
            let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
            let sign = Bool.random(using: &random) ? "-" : ""
            let fraction = places == 0 ? "" : "." + padded.suffix(places)
            let exponent =
                Int.random(in: 0...9, using: &random) == 0 ? "e\(Int.random(in: -30...30, using: &random))" : ""
            return sign + padded.dropLast(places) + fraction + exponent
        }
    }

    /// What the reader takes and JSON allows: no leading zeros.
    private func isJSON(_ text: String) -> Bool {
        let digits = text.drop { $0 == "-" }
        return !(digits.hasPrefix("0") && digits.count > 1 && !digits.hasPrefix("0.") && !digits.hasPrefix("0e"))
    }

    @Test func decimalsAreReadAsTheNearestDoubleAndFloat() throws {
        for text in decimals(20_000, 1) where isJSON(text) {
            let double = try All(json: #"{"doubleValue":\#(text)}"#).doubleValue
            #expect(double.bitPattern == Double(text)?.bitPattern, "\(text)")
            guard let nearest = Float(text), nearest.isFinite else { continue }
            let float = try All(json: #"{"floatValue":\#(text)}"#).floatValue
            #expect(float.bitPattern == nearest.bitPattern, "\(text)")
        }
    }

    /// Texts whose nearest double lies just between two floats.
    @Test(arguments: [
        "16777217", "16777219", "0.500000029802322", "1.00000017881393", "33554434.1", "8388608.5", "8388609.5",
        "340282346638528859811704183484516925440", "1e-40", "0.000000000000000000000000000000000000000000001",
    ])
    func tiesOfFloats(_ text: String) throws {
        #expect(try All(json: #"{"floatValue":\#(text)}"#).floatValue.bitPattern == Float(text)?.bitPattern)
    }

    private func expected(_ text: String) -> String {
        if text == "0.0" { return "0" }
        return text.hasSuffix(".0") && text != "-0.0" ? String(text.dropLast(2)) : text
    }

    @Test func realsAreWrittenWithTheFewestDigits() throws {
        var random = SplitMix(state: 2)
        var doubles: [Double] = [
            0, -0.0, 1, -1, 0.1, 0.25, 1e9, 999_999_999, 0.0001, 0.00001, 1e15, 1e16, 123.456, 5e-324,
        ]
        doubles += (0..<5_000).map { _ in Double(Int64.random(in: -100_000_000...100_000_000, using: &random)) / 10_000
        }
        doubles += (0..<5_000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite)
        for value in doubles {
            let text = expected(value.description)
            let written = try All.with { $0.doubleValue = value }.jsonString()
            #expect(written == (value.bitPattern == 0 ? "{}" : #"{"doubleValue":\#(text)}"#))
        }
        for _ in 0..<5_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            guard value.isFinite, value != 0 else { continue }
            #expect(
                try All.with { $0.floatValue = value }.jsonString()
                    == #"{"floatValue":\#(expected(value.description))}"#)
        }
    }

    @Test(arguments: [
        Int64.min, .max, 0, -1, 9, 10, 99, 100, 999_999_999_999_999_999, 1_000_000_000_000_000_000, -1 << 53,
    ])
    func integersKeepEveryDigit(_ value: Int64) throws {
        let message = All.with {
            $0.int64s = [value]
            $0.uint64s = [UInt64(bitPattern: value)]
        }
        let text = #"{"int64s":["\#(value)"],"uint64s":["\#(UInt64(bitPattern: value))"]}"#
        #expect(try message.jsonString() == text)
        #expect(try All(json: text) == message)
        let plain = #"{"int64s":[\#(value)],"uint64s":[\#(UInt64(bitPattern: value))]}"#
        #expect(try All(json: plain) == message)
    }
}

/// A small generator with a seed, so that a failure can be seen again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
