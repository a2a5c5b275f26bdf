internal import Foundation
internal import ProtoRuntime

/// What the commands print: answers on standard output, everything else on standard error.
enum Terminal {
    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// Without a line break and at once, for text that streams in. Ends the program when nobody reads any more, as `| head` does.
    static func write(_ text: String) {
        do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch { exit(closedPipe) }
    }

    /// What a shell shows for a program that SIGPIPE ended.
    private static let closedPipe: Int32 = 141

    static func complain(_ text: String) { note(text + "\n") }

    static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

    /// A message as one line of JSON.
    static func printJSON(_ message: any Message) throws { write(try message.jsonString() + "\n") }

    /// Columns as wide as their longest cell; the last one is free.
    static func table(_ header: [String], _ rows: [[String]]) {
        guard !rows.isEmpty else { return complain("(none)") }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell.padding(toLength: widths[index], withPad: " ", startingAt: 0)
            }
            write(cells.joined(separator: "  ") + "\n")
        }
    }

    /// `name: value` lines; empty values are left out.
    static func fields(_ fields: [(String, String)]) {
        let shown = fields.filter { !$0.1.isEmpty }
        let width = (shown.map { $0.0.count }.max() ?? 0) + 1
        for (name, value) in shown {
            write("\(name + ":")".padding(toLength: width, withPad: " ", startingAt: 0) + " \(value)\n")
        }
    }

    static func date(_ timestamp: Google_Protobuf_Timestamp?) -> String {
        guard let timestamp else { return "" }
        return Date(timeIntervalSince1970: Double(timestamp.seconds)).ISO8601Format()
    }

    static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<1024: "\(count) B"
        case ..<(1 << 20): "\(count / 1024) KiB"
        default: "\((Double(count) / 1_048_576 * 10).rounded() / 10) MiB"
        }
    }

    /// The name of an enum's value without its prefix, in lower case: `TENANT_STATUS_ACTIVE` → `active`.
    static func name<E: ProtoEnum>(_ value: E, dropping prefix: String) -> String {
        guard let name = E.protoNames.first(where: { $0.number == value.rawValue })?.name else {
            return String(value.rawValue)
        }
        return name.dropFirst(name.hasPrefix(prefix) ? prefix.count : 0).lowercased()
    }

    /// The enum's value of such a name.
    static func value<E: ProtoEnum>(_ text: String, prefix: String) -> E? {
        E.protoNames.first { $0.name == prefix + text.uppercased() }.map { E(rawValue: $0.number) }
    }
}
