/// Cuts a stream of bytes into the data of server-sent events.
///
/// Lines end with LF, CR or both; an empty line ends an event; other fields than `data` are ignored. Bytes may be cut
/// anywhere, also within a character. Pure: bytes in, events out.
struct ServerSentEvents {
    enum Limits {
        /// Bytes of one event.
        static let eventBytes = 1_048_576
    }

    struct TooLarge: Error {}

    private var line: [UInt8] = []
    private var data: [UInt8]?
    private var afterCarriageReturn = false

    mutating func received(_ bytes: [UInt8]) throws(TooLarge) -> [[UInt8]] {
        var events: [[UInt8]] = []
        var at = 0
        while at < bytes.count {
            if afterCarriageReturn {
                afterCarriageReturn = false
                if bytes[at] == UInt8(ascii: "\n") {
                    at += 1
                    continue
                }
            }
            let end = bytes[at...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
            guard line.count + (data?.count ?? 0) + end - at <= Limits.eventBytes else { throw TooLarge() }
            line.append(contentsOf: bytes[at..<end])
            guard end < bytes.count else { break }
            afterCarriageReturn = bytes[end] == UInt8(ascii: "\r")
            if let event = endOfLine() { events.append(event) }
            at = end + 1
        }
        return events
    }

    private mutating func endOfLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty {
            defer { data = nil }
            return data
        }
        let field = Array("data:".utf8)
        guard line.starts(with: field) else { return nil }
        var value = line.dropFirst(field.count)
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        if data == nil {
            data = Array(value)
        } else {
            data?.append(UInt8(ascii: "\n"))
            data?.append(contentsOf: value)
        }
        return nil
    }
}
