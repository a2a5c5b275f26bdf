import Foundation
import ProtoRuntime
import RPC
import Testing

@Suite struct StatusCatalogueTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Literals that look like reasons and are none: environment variables, enum values, column titles, outcomes.
    static let others: Set<String> = [
        "CODE_42", "NAME_TOO_LONG", "LC_ALL", "LC_MESSAGES", "NO_ANSWER", "NO_SOURCES", "WEAK_EVIDENCE", "NULL_VALUE",
        "OPENBLAS_NUM_THREADS", "STEP_KIND_ACTION", "STEP_KIND_APPROVAL", "STEP_KIND_TIMER", "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    ]

    /// Every reason that the sources raise: whatever is written after `reason:`, and every literal of that form.
    static func raised() throws -> [String: String] {
        let labelled = try Regex(
            "[rR]eason(?:: | = |: [a-zA-Z.]+ \\? )\"([A-Z][A-Z0-9_]*)\"", as: (Substring, Substring).self)
        let literal = try Regex("\"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\"", as: (Substring, Substring).self)
        var found: [String: String] = [:]
        let sources = root.appendingPathComponent("Sources")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift", !file.path.contains("/Generated/") else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: labelled) { found[String(match.output.1)] = file.lastPathComponent }
            for match in text.matches(of: literal) {
                let word = String(match.output.1)
                if !others.contains(word), !word.hasPrefix("RAGDZ_") { found[word] = file.lastPathComponent }
            }
        }
        return found
    }

    @Test func everyReasonHasItsTextInThreeLanguages() throws {
        let raised = try Self.raised()
        #expect(raised.count > 150, "the walk through the sources finds them")
        for (reason, file) in raised {
            for language in AcceptLanguage.supported {
                let text = StatusCatalogue.text(reason, language: language)
                #expect(
                    text != nil,
                    "\(reason) (\(file)) has no text in \(language): add it to Sources/RPC/StatusCatalogue+….swift")
            }
        }
    }

    @Test func textsAreInTheirLanguage() {
        for reason in StatusCatalogue.reasons {
            let arabic = StatusCatalogue.text(reason, language: "ar") ?? ""
            #expect(arabic.unicodeScalars.contains { (0x0600...0x06FF).contains($0.value) }, "\(reason)")
            for language in AcceptLanguage.supported {
                let text = StatusCatalogue.text(reason, language: language) ?? ""
                #expect(text.last == "." && text.count > 2, "\(reason) \(language): a sentence")
            }
        }
        let codes = (0...16).map { Status.Code(rawValue: $0).name }
        #expect(Set(codes).isSubset(of: StatusCatalogue.reasons), "every code has its text too")
    }

    @Test func theReadersLanguageDecides() {
        let status = Status.notFound("There is no such key.", reason: "KEY_NOT_FOUND")
        #expect(status.localized(for: [:]) == status)
        #expect(status.localized(for: ["accept-language": "en-GB"]) == status)
        let french = status.localized(for: ["accept-language": "fr-DZ, en;q=0.5"])
        #expect(french.message == "Cette clé n'existe pas.")
        #expect(french.code == .notFound && french.reason == "KEY_NOT_FOUND")
        #expect(status.localized(for: ["accept-language": "ar"]).message == "هذا المفتاح غير موجود.")
        #expect(Status.ok.localized(for: ["accept-language": "ar"]) == .ok)
    }

    @Test func whatTheEnglishTextSaysIsNotLost() throws {
        let status = Status.invalidArgument("page_size is 1 to 100.", reason: "INVALID_PAGE_SIZE", field: "page_size")
        let french = status.localized("fr")
        #expect(french.details.fieldViolations.map(\.field) == ["page_size"])
        #expect(french.details.fieldViolations.map(\.description) == [french.message])
        let original = try #require(french.details.others.first)
        #expect(original.typeURL == "type.googleapis.com/google.rpc.LocalizedMessage")
        #expect(original.value.contains(Array("page_size is 1 to 100.".utf8)))
        #expect(Status(wire: french.wireBytes()) == french)
    }

    @Test func anUnknownReasonFallsBackToItsCode() {
        let foreign = Status.aborted("x", reason: "SOMETHING_FOREIGN")
        #expect(foreign.localized("fr").message == StatusCatalogue.text("ABORTED", language: "fr"))
        #expect(Status(Status.Code(rawValue: 42), "x").localized("fr").message == "x")
    }
}
