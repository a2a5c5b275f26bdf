internal import Bytes
internal import Language
internal import RPC

/// What requests must look like. Pure: a value in, the value or a `Status` out.
enum RetrievalRules {
    static func collectionName(_ name: String) throws(Status) -> String {
        let count = name.unicodeScalars.count
        guard (1...RetrievalLimits.collectionName).contains(count) else {
            throw .invalidArgument(
                "The name of a collection has 1 to \(RetrievalLimits.collectionName) characters.",
                reason: "COLLECTION_NAME_LENGTH", field: "name")
        }
        guard !name.unicodeScalars.contains(where: isControl), !name.contains("/"), name.first != " ",
            name.last != " "
        else {
            throw .invalidArgument(
                "The name of a collection has no control characters, no slash, and no space at either end.",
                reason: "COLLECTION_NAME_CHARACTERS", field: "name")
        }
        guard UUID128(name) == nil else {
            throw .invalidArgument(
                "The name of a collection cannot look like an id.", reason: "COLLECTION_NAME_IS_ID", field: "name")
        }
        return name
    }

    static func filename(_ name: String) throws(Status) -> String {
        guard (1...RetrievalLimits.filename).contains(name.unicodeScalars.count),
            !name.unicodeScalars.contains(where: isControl)
        else {
            throw .invalidArgument(
                "The file name has 1 to \(RetrievalLimits.filename) characters and no control characters.",
                reason: "FILENAME_INVALID", field: "header.filename")
        }
        return name
    }

    static func query(_ text: String, field: String) throws(Status) -> String {
        guard text.unicodeScalars.count <= RetrievalLimits.query else {
            throw .invalidArgument(
                "Ask with at most \(RetrievalLimits.query) characters.", reason: "QUERY_TOO_LONG", field: field)
        }
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace && !isControl($0) }) else {
            throw .invalidArgument("Write what you are looking for.", reason: "QUERY_EMPTY", field: field)
        }
        return text
    }

    static func limit(_ limit: Int32, maximum: Int, otherwise: Int) throws(Status) -> Int {
        if limit == 0 { return otherwise }
        guard (1...Int32(maximum)).contains(limit) else {
            throw .invalidArgument(
                "limit is 1 to \(maximum), or 0 for \(otherwise).", reason: "LIMIT_OUT_OF_RANGE", field: "limit")
        }
        return Int(limit)
    }

    static func languages(_ languages: [String]) throws(Status) -> [String] {
        guard languages.count <= RetrievalLimits.languagesPerRequest,
            languages.allSatisfy({ LanguageCode(rawValue: $0) != nil })
        else {
            throw .invalidArgument(
                "languages are \"ar\", \"fr\", \"en\" and \"und\".", reason: "LANGUAGE_UNKNOWN", field: "languages")
        }
        return Array(Set(languages))
    }

    static func answerLanguage(_ language: String) throws(Status) -> LanguageCode? {
        if language.isEmpty { return nil }
        guard let code = LanguageCode(rawValue: language), code != .undetermined else {
            throw .invalidArgument(
                "answer_language is \"fr\", \"ar\", \"en\", or empty for the question's own.",
                reason: "LANGUAGE_UNKNOWN", field: "answer_language")
        }
        return code
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    }
}
