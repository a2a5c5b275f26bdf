import Foundation

@testable import Retrieval

/// The two halves of a set: documents are in one or the other, and only the first is looked at while choosing.
enum Half: String, CaseIterable, Sendable {
    case tuning, test
}

/// A question with what answers it.
struct EvaluationQuestion: Sendable {
    enum Answer: Sendable {
        /// Any passage of the document of this name; the others are the same section in other languages, left out.
        case document(String, leftOut: Set<String>)
        /// A passage that holds the words, of a document whose name holds the first.
        case passage(file: String, words: String)
        case none
    }

    let set: String
    let half: Half
    /// "fr>ar": the language of the question, then that of the answer.
    let direction: String
    let text: String
    let answer: Answer

    /// What is kept together when a half is cut for cross-validation: a document's questions, or one question's translations.
    let group: String

    var language: String { String(direction.prefix { $0 != ">" }) }
}

/// Reads the sets of the folder `evaluation`.
enum EvaluationSets {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func rows(_ name: String) throws -> [[String]] {
        try String(contentsOf: root.appendingPathComponent("evaluation/sets/\(name)"), encoding: .utf8)
            .split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
    }

    /// Facts of demo/corpus, each asked in five ways. Every second document is for tuning.
    static func facts() throws -> [EvaluationQuestion] {
        let columns = ["fr", "en", "ar", "darija", "arabizi"]
        let rows = try rows("facts.psv")
        let files = Set(rows.map { $0[0] }).sorted()
        return rows.flatMap { row -> [EvaluationQuestion] in
            let half: Half = (files.firstIndex(of: row[0]) ?? 0) % 2 == 0 ? .tuning : .test
            let target =
                row[0].unicodeScalars.contains { $0.value > 0x600 }
                ? "ar" : french.contains { row[0].hasPrefix($0) } ? "fr" : "en"
            return columns.enumerated().map { index, language in
                EvaluationQuestion(
                    set: index < 3 ? "facts" : "darija", half: half, direction: "\(language)>\(target)",
                    text: row[index + 2], answer: .passage(file: row[0], words: row[1]), group: row[0])
            }
        }
    }

    /// More questions in Arabic to the Arabic texts of demo/corpus; the halves are those of the facts.
    static func arabic() throws -> [EvaluationQuestion] {
        let files = Set(try rows("facts.psv").map { $0[0] }).sorted()
        return try rows("arabic.psv").map { row in
            EvaluationQuestion(
                set: "arabic", half: (files.firstIndex(of: row[0]) ?? 0) % 2 == 0 ? .tuning : .test, direction: "ar>ar",
                text: row[2], answer: .passage(file: row[0], words: row[1]), group: row[0])
        }
    }

    private static let french = ["cnas", "cnrc", "algerie", "suisse"]

    /// Questions that no document answers; every second line of the first file is for tuning, and all of the second.
    static func unanswerable() throws -> [EvaluationQuestion] {
        func questions(_ file: String, _ half: (Int) -> Half) throws -> [EvaluationQuestion] {
            try rows(file).enumerated().flatMap { line, row in
                ["fr", "en", "ar"].enumerated().map { index, language in
                    EvaluationQuestion(
                        set: "unanswerable", half: half(line), direction: "\(language)>", text: row[index],
                        answer: .none, group: "\(file) \(line)")
                }
            }
        }
        return try questions("unanswerable.psv") { $0 % 2 == 0 ? .tuning : .test }
            + questions("unanswerable-tuning.psv") { _ in .tuning }
    }

    struct Section: Decodable, Sendable {
        let book: String
        let chapter: String
        let section: String
        let language: String
        let heading: String
        let text: String

        var file: String { "\(book).\(section).\(language).txt" }
    }

    /// The sections that evaluation/sections.py printed.
    static func sections(_ path: String) throws -> [Section] {
        let decoder = JSONDecoder()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { try decoder.decode(Section.self, from: Data($0.utf8)) }
    }

    /// Each heading asks for its section, in its own language and in the others. Every second chapter is for tuning.
    static func headings(_ sections: [Section]) -> [EvaluationQuestion] {
        let chapters = Set(sections.map { "\($0.book)/\($0.chapter)" }).sorted()
        let languages = Dictionary(grouping: sections) { "\($0.book).\($0.section)" }
            .mapValues { $0.map(\.language) }
        return sections.flatMap { section -> [EvaluationQuestion] in
            let chapter = chapters.firstIndex(of: "\(section.book)/\(section.chapter)") ?? 0
            let name = "\(section.book).\(section.section)"
            let files = (languages[name] ?? []).map { (language: $0, file: "\(name).\($0).txt") }
            return files.map { language, file in
                let others = language == section.language ? [] : files.map(\.file).filter { $0 != file }
                return EvaluationQuestion(
                    set: section.book == "templates" ? "templates" : "headings",
                    half: chapter % 2 == 0 ? .tuning : .test,
                    direction: "\(section.language)>\(language)", text: section.heading,
                    answer: .document(file, leftOut: Set(others)), group: section.chapter)
            }
        }
    }
}
