/// A string of a step's parameters, taken apart: text, and references that are replaced when the step starts.
///
/// `${input.topic}` is a field of the run's input, `${steps.draft.text}` one of the output of a step that comes
/// before, `${run.id}` the run's id. Deeper fields and places of a list follow with dots: `${steps.a.hits.0.title}`.
/// With a question mark at the end, `${input.language?}`, a field that is not there becomes null (or, within a
/// longer text, nothing); without it, it is an error. `$${` stands for the two characters `${`.
struct Template: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        case reference(Reference)
    }

    struct Reference: Sendable, Hashable {
        enum Root: Sendable, Hashable {
            case input
            case step(String)
            case run
        }
        var root: Root
        var path: [String]
        var isOptional: Bool
    }

    /// What is wrong with a string; the message is for people.
    struct Defect: Error, Sendable, Hashable {
        var message: String
    }

    var parts: [Part]

    /// The reference when the string is nothing else: its value then keeps its kind.
    var sole: Reference? {
        if parts.count == 1, case .reference(let reference) = parts[0] { reference } else { nil }
    }

    var references: [Reference] {
        parts.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }

    init(parsing string: String) throws(Defect) {
        parts = []
        var text = ""
        var rest = string.unicodeScalars[...]
        while let scalar = rest.first {
            if rest.starts(with: "$${".unicodeScalars) {
                text += "${"
                rest = rest.dropFirst(3)
            } else if rest.starts(with: "${".unicodeScalars) {
                guard let end = rest.firstIndex(of: "}") else {
                    throw Defect(message: "A \"${\" has no \"}\". Write \"$${\" for the characters themselves.")
                }
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(.reference(try Reference(parsing: String(rest[..<end].dropFirst(2)))))
                rest = rest[end...].dropFirst()
            } else {
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst()
            }
        }
        if !text.isEmpty || parts.isEmpty { parts.append(.text(text)) }
    }
}

extension Template.Reference {
    init(parsing inner: String) throws(Template.Defect) {
        var words = inner.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        isOptional = false
        if let last = words.last, last.hasSuffix("?") {
            isOptional = true
            words[words.count - 1] = String(last.dropLast())
        }
        let sound = words.allSatisfy { word in
            !word.isEmpty && word.unicodeScalars.allSatisfy { $0.isTemplateWord }
        }
        guard sound, let first = words.first else { throw Self.defect(inner) }
        switch (first, words.count) {
        case ("input", 2...):
            root = .input
            path = Array(words.dropFirst())
        case ("steps", 3...):
            root = .step(words[1])
            path = Array(words.dropFirst(2))
        case ("run", 2) where words[1] == "id":
            root = .run
            path = ["id"]
        default:
            throw Self.defect(inner)
        }
    }

    private static func defect(_ inner: String) -> Template.Defect {
        Template.Defect(
            message: "\"${\(inner.prefix(80))}\" is no reference. Write ${input.FIELD}, ${steps.ID.FIELD} or ${run.id}."
        )
    }

    /// As it was written.
    var text: String {
        let head =
            switch root {
            case .input: "input."
            case .step(let id): "steps.\(id)."
            case .run: "run."
            }
        return head + path.joined(separator: ".")
    }
}

extension Unicode.Scalar {
    fileprivate var isTemplateWord: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
