import ProtoRuntime
import Schema

/// What the messages of the contract look like, read from the descriptors that the server itself reflects: so a method
/// or a field that is new is part of the fuzz without a line of test code.
struct MessageShapes {
    struct Field {
        let name: String
        let number: UInt64
        let isRepeated: Bool
        /// As in descriptor.proto: 5 is int32, 9 string, 11 a message…
        let type: UInt64
        /// Of messages and enums, without the leading dot.
        let typeName: String
    }

    private(set) var messages: [String: [Field]] = [:]
    /// The paths of all methods, such as `/ragdz.v1.Keys/GetKey`.
    private(set) var methods: [String] = []

    init(_ files: [ProtoFileDescriptor] = ContractDescriptors.files) {
        for file in files {
            let fields = Wire.fields(file.bytes[...])
            let package = fields.first { $0.number == 2 }.map { Wire.text($0.bytes) } ?? ""
            for field in fields where field.number == 4 { add(message: field.bytes, in: package) }
            for field in fields where field.number == 6 { add(service: field.bytes, in: package) }
        }
    }

    private mutating func add(message: ArraySlice<UInt8>, in scope: String) {
        let parts = Wire.fields(message)
        let name = scope + "." + (parts.first { $0.number == 1 }.map { Wire.text($0.bytes) } ?? "")
        messages[name] = parts.filter { $0.number == 2 }.map { part in
            let values = Wire.fields(part.bytes)
            func text(_ number: UInt64) -> String {
                values.last { $0.number == number }.map { Wire.text($0.bytes) } ?? ""
            }
            func value(_ number: UInt64) -> UInt64 { values.last { $0.number == number }?.value ?? 0 }
            return Field(
                name: text(1), number: value(3), isRepeated: value(4) == 3, type: value(5),
                typeName: String(text(6).dropFirst()))
        }
        for part in parts where part.number == 3 { add(message: part.bytes, in: name) }
    }

    private mutating func add(service: ArraySlice<UInt8>, in package: String) {
        guard package.hasPrefix("ragdz.") else { return }
        let parts = Wire.fields(service)
        let name = parts.first { $0.number == 1 }.map { Wire.text($0.bytes) } ?? ""
        for part in parts where part.number == 2 {
            let method = Wire.fields(part.bytes).first { $0.number == 1 }.map { Wire.text($0.bytes) } ?? ""
            methods.append("/\(package).\(name)/\(method)")
        }
    }
}

/// The least of protobuf's wire form, independent of the library under test.
enum Wire {
    struct Part {
        let number: UInt64
        let value: UInt64
        let bytes: ArraySlice<UInt8>
    }

    /// The fields of a well-formed message.
    static func fields(_ message: ArraySlice<UInt8>) -> [Part] {
        var rest = message
        var parts: [Part] = []
        while let tag = varint(&rest) {
            switch tag & 7 {
            case 0: parts.append(Part(number: tag >> 3, value: varint(&rest) ?? 0, bytes: []))
            case 1:
                parts.append(Part(number: tag >> 3, value: 0, bytes: rest.prefix(8)))
                rest = rest.dropFirst(8)
            case 2:
                let length = Int(varint(&rest) ?? 0)
                parts.append(Part(number: tag >> 3, value: 0, bytes: rest.prefix(length)))
                rest = rest.dropFirst(length)
            default:
                parts.append(Part(number: tag >> 3, value: 0, bytes: rest.prefix(4)))
                rest = rest.dropFirst(4)
            }
        }
        return parts
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 127) << UInt64(shift)
            if byte < 128 { return value }
        }
        return nil
    }

    static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    static func append(varint value: UInt64, to bytes: inout [UInt8]) {
        var value = value
        while value > 127 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 128)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    static func append(_ number: UInt64, bytes payload: [UInt8], to bytes: inout [UInt8]) {
        append(varint: number << 3 | 2, to: &bytes)
        append(varint: UInt64(payload.count), to: &bytes)
        bytes += payload
    }

    static func append(_ number: UInt64, varint value: UInt64, to bytes: inout [UInt8]) {
        append(varint: number << 3, to: &bytes)
        append(varint: value, to: &bytes)
    }
}
