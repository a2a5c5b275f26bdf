internal import Bytes
internal import HTTP2
internal import RPC

/// `grpc-timeout`: at most eight digits and a unit.
enum TimeoutCoding {
    static func decode(_ value: UnsafeRawBufferPointer) -> Duration? {
        guard value.count >= 2, value.count <= 9, let unit = value.last else { return nil }
        var amount: Int64 = 0
        for byte in value.dropLast() {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            amount = amount * 10 + Int64(byte - 0x30)
        }
        switch unit {
        case UInt8(ascii: "H"): return .seconds(amount * 3600)
        case UInt8(ascii: "M"): return .seconds(amount * 60)
        case UInt8(ascii: "S"): return .seconds(amount)
        case UInt8(ascii: "m"): return .milliseconds(amount)
        case UInt8(ascii: "u"): return .microseconds(amount)
        case UInt8(ascii: "n"): return .nanoseconds(amount)
        default: return nil
        }
    }

    /// The finest unit whose number has at most eight digits.
    static func encode(_ timeout: Duration) -> String {
        let nanos = max(1, timeout.wholeNanoseconds)
        for (unit, size) in [("n", Int64(1)), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000)]
        where nanos / size < 100_000_000 { return "\(nanos / size)\(unit)" }
        return "\(min(nanos / 3_600_000_000_000, 99_999_999))H"
    }
}

/// `grpc-message`: UTF-8 with everything outside printable ASCII, and `%`, written as `%XX`.
enum PercentCoding {
    static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) { return text }
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Lenient, as the specification asks: what is no escape stays as it is.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// User metadata in headers and trailers.
enum MetadataCoding {
    /// Names that belong to the protocol; they never reach or leave the application.
    static func isReserved(_ name: UnsafeRawBufferPointer) -> Bool {
        name.first == UInt8(ascii: ":") || name.starts(with: "grpc-") || name.equals("content-type")
            || name.equals("te") || name.equals("content-length") || name.starts(with: "ragdz-resume")
            || name.equals("ragdz-stream-id")
    }

    /// Adds a received field; `-bin` values are decoded (a value that is not base64 is dropped).
    static func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to metadata: inout Metadata) {
        let text = String(decoding: name, as: UTF8.self)
        guard text.hasSuffix("-bin") else {
            return metadata.add(uncheckedName: text, .text(String(decoding: value, as: UTF8.self)))
        }
        for part in value.split(separator: UInt8(ascii: ",")) {
            let bytes = UnsafeRawBufferPointer(rebasing: part)
            if let decoded = Base64.decode(bytes.bindMemory(to: UInt8.self)) {
                metadata.add(uncheckedName: text, .binary(decoded))
            }
        }
    }

    static func write(_ metadata: Metadata, to list: inout HeaderList) {
        for entry in metadata.entries {
            switch entry.value {
            case .text(let text): list.add(entry.name, text)
            case .binary(let bytes): list.add(entry.name, Base64.encode(bytes, .standard))
            }
        }
    }

    /// The trailers that end a gRPC call.
    static func trailers(_ status: Status, _ metadata: Metadata) -> HeaderList {
        var list = HeaderList()
        writeStatus(status, to: &list)
        write(metadata, to: &list)
        return list
    }

    static func writeStatus(_ status: Status, to list: inout HeaderList) {
        list.add("grpc-status", "\(status.code.rawValue)")
        if !status.message.isEmpty { list.add("grpc-message", PercentCoding.encode(status.message)) }
        if !status.details.isEmpty { list.add("grpc-status-details-bin", Base64.encode(status.wireBytes())) }
    }
}
