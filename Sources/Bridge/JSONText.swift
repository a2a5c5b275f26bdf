/// The few pieces of JSON that the bridge writes itself; messages write their own.
enum JSONText {
    /// A JSON string with its quotes.
    static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x2028 || scalar.value == 0x2029:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// `{"a":{"b":VALUE}}` for the field path `a.b`.
    static func object(_ path: [String], _ value: String) -> String {
        path.reversed().reduce(value) { "{\(quote($1)):\($0)}" }
    }
}
