/// Extension fields of MethodOptions. To libprotobuf-c they are unknown fields, so they are read here.
enum OptionNumbers {
    static let http: UInt32 = 72_295_728
    static let policy: UInt32 = 51_001
}

/// The wire format, as much of it as options need.
struct OptionReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst(), shift < 64 {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    mutating func bytes() -> [UInt8]? {
        guard let length = varint(), length <= UInt64(rest.count) else { return nil }
        let value = Array(rest.prefix(Int(length)))
        rest = rest.dropFirst(Int(length))
        return value
    }

    /// The next field as number and value; nil at the end or at what is no option of ours.
    mutating func field() -> (number: UInt64, value: Value)? {
        guard let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (tag >> 3, .number($0)) }
        case 2: return bytes().map { (tag >> 3, .bytes($0)) }
        default: return nil
        }
    }

    enum Value {
        case number(UInt64)
        case bytes([UInt8])

        var number: UInt64 { if case .number(let value) = self { value } else { 0 } }
        var bytes: [UInt8] { if case .bytes(let value) = self { value } else { [] } }
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }
}

extension HTTPRuleOption {
    init(_ bytes: [UInt8]) {
        var reader = OptionReader(bytes)
        while let (number, value) = reader.field() {
            switch number {
            case 2: (verb, template) = ("GET", value.text)
            case 3: (verb, template) = ("PUT", value.text)
            case 4: (verb, template) = ("POST", value.text)
            case 5: (verb, template) = ("DELETE", value.text)
            case 6: (verb, template) = ("PATCH", value.text)
            case 7: body = value.text
            case 8: (verb, template) = Self.custom(value.bytes)
            case 11: additional.append(HTTPRuleOption(value.bytes))
            case 12: responseBody = value.text
            default: break
            }
        }
    }

    private static func custom(_ bytes: [UInt8]) -> (String, String) {
        var reader = OptionReader(bytes)
        var (kind, path) = ("", "")
        while let (number, value) = reader.field() {
            if number == 1 { kind = value.text }
            if number == 2 { path = value.text }
        }
        return (kind, path)
    }
}

extension PolicyOption {
    init(_ bytes: [UInt8]) {
        var reader = OptionReader(bytes)
        while let (number, value) = reader.field() {
            switch number {
            case 1: credential = value.number
            case 2: scope = value.text
            case 3: isResumable = value.number != 0
            case 4: costClass = value.text
            default: break
            }
        }
    }
}
