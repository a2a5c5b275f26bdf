internal import Bytes
internal import Glibc
internal import Logging
internal import ProtoRuntime

/// Writes each record as one line of JSON to standard error.
///
/// What must not be read by who reads logs is not given to a logger in the first place: keys print without their
/// secrets, and settings that are secret are never logged.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let label: String

    init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        line += "{\"time\":\"".utf8
        line += Self.time(WallClock.nowMicros()).utf8
        line += "\",\"level\":\"\(event.level)\",\"logger\":".utf8
        JSONLine.append(label, to: &line)
        line += ",\"message\":".utf8
        JSONLine.append("\(event.message)", to: &line)
        if let error = event.error {
            line += ",\"error\":".utf8
            JSONLine.append("\(error)", to: &line)
        }
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }).sorted(by: {
            $0.key < $1.key
        }) {
            line.append(UInt8(ascii: ","))
            JSONLine.append(key, to: &line)
            line.append(UInt8(ascii: ":"))
            JSONLine.append("\(value)", to: &line)
        }
        line += "}\n".utf8
        // One write per line: lines of several threads do not mix.
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// RFC 3339 in UTC with microseconds.
    private static func time(_ micros: Int64) -> String {
        let text = (try? Google_Protobuf_Timestamp(unixMicros: micros).jsonString()) ?? ""
        return String(text.filter { $0 != "\"" })
    }
}

/// The one piece of JSON that logs and announcements need.
enum JSONLine {
    /// Appends a JSON string.
    static func append(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                line.append(UInt8(ascii: "\\"))
                line.append(byte)
            case UInt8(ascii: "\n"): line += "\\n".utf8
            case 0..<0x20, 0x7F: line += "\\u00\(hex(byte >> 4))\(hex(byte & 15))".utf8
            default: line.append(byte)
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    /// An object of strings, in the order given.
    static func object(_ fields: [(String, String)]) -> String {
        var line: [UInt8] = [UInt8(ascii: "{")]
        for (index, field) in fields.enumerated() {
            if index > 0 { line.append(UInt8(ascii: ",")) }
            append(field.0, to: &line)
            line.append(UInt8(ascii: ":"))
            append(field.1, to: &line)
        }
        line.append(UInt8(ascii: "}"))
        return String(decoding: line, as: UTF8.self)
    }

    private static func hex(_ nibble: UInt8) -> Character {
        Character(Unicode.Scalar(nibble < 10 ? 48 + nibble : 87 + nibble))
    }
}
