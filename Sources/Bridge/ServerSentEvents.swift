/// The text of server-sent events (WHATWG HTML, "Server-sent events").
enum ServerSentEvents {
    static let contentType = "text/event-stream; charset=utf-8"
    /// A comment: keeps proxies from closing a quiet stream and lets us notice a reader that left.
    static let heartbeat: [UInt8] = Array(": heartbeat\n\n".utf8)
    static let end: [UInt8] = Array("event: end\ndata: {}\n\n".utf8)

    /// JSON never holds a raw line break, so the data is always one line.
    static func event(id: Int64, name: String, json: [UInt8]) -> [UInt8] {
        var text = Array("id: \(id)\nevent: \(singleLine(name))\ndata: ".utf8)
        text.append(contentsOf: json)
        text.append(contentsOf: "\n\n".utf8)
        return text
    }

    static func error(_ problem: Problem) -> [UInt8] { Array("event: error\ndata: \(problem.json)\n\n".utf8) }

    private static func singleLine(_ name: String) -> String {
        let kept = name.filter { !$0.isNewline }
        return kept.isEmpty ? "message" : kept
    }
}
