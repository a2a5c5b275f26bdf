internal import Bytes

/// Where the next page of a list begins: opaque to callers, checked when it comes back.
///
/// A token carries the sort position of the last row of a page. It grants nothing: whoever presents it still sees only
/// what the call's own identity may see. Its check finds mistyped tokens and tokens of another list.
public enum PageToken {
    /// The longest token that is read, in characters.
    public static let maximumLength = 1024

    /// The token of a position in a list, e.g. `make("keys", ["1712…", "4f9…"])`. Parts must not contain line feeds.
    public static func make(_ list: String, _ position: [String]) -> String {
        let body = [UInt8](position.joined(separator: "\n").utf8)
        return Base64.encode(check(list, body) + body, .url)
    }

    /// The position in a token, or nil for the empty token of a first page.
    ///
    /// `INVALID_ARGUMENT` with the reason `INVALID_PAGE_TOKEN` for anything that `make` did not give for this list.
    public static func read(_ token: String, list: String, parts: Int) throws(Status) -> [String]? {
        if token.isEmpty { return nil }
        guard token.utf8.count <= maximumLength, let bytes = Base64.decode(token), bytes.count > 4,
            case let body = [UInt8](bytes[4...]), [UInt8](bytes[..<4]) == check(list, body),
            UTF8Validation.isValid(body),
            case let position = String(decoding: body, as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false).map(String.init),
            position.count == parts
        else { throw invalid }
        return position
    }

    /// A part that is a time in Unix microseconds, from 1970 to the end of 9999; anything else was forged.
    public static func time(_ part: String) throws(Status) -> Int64 {
        guard let micros = Int64(part), (0...253_402_300_799_999_999).contains(micros) else { throw invalid }
        return micros
    }

    /// What to throw when a part of a token is not of the form that the list gives it.
    public static var invalid: Status {
        .invalidArgument(
            "The page token is not one of this list: pass next_page_token of the previous answer unchanged.",
            reason: "INVALID_PAGE_TOKEN", field: "page_token")
    }

    private static func check(_ list: String, _ body: [UInt8]) -> [UInt8] {
        let sum = CRC32C.checksum([UInt8](list.utf8) + [0] + body)
        return [
            UInt8(truncatingIfNeeded: sum >> 24), UInt8(truncatingIfNeeded: sum >> 16),
            UInt8(truncatingIfNeeded: sum >> 8), UInt8(truncatingIfNeeded: sum),
        ]
    }
}

/// How many rows a page has.
public enum PageSize {
    /// Rows when the caller does not say: 50.
    public static let defaultSize = 50
    /// Rows at most: 200.
    public static let maximum = 200

    /// The size of a page for the number that a request carries; 0 stands for the default.
    public static func resolve(_ requested: Int32) throws(Status) -> Int {
        if requested == 0 { return defaultSize }
        guard requested > 0, requested <= maximum else {
            throw .invalidArgument(
                "page_size is 1 to \(maximum), or 0 for \(defaultSize).", reason: "INVALID_PAGE_SIZE",
                field: "page_size")
        }
        return Int(requested)
    }
}
