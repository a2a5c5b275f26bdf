internal import ProtoRuntime

// Passages and quotes as the outputs and parameters of steps.

extension BriefPassage {
    /// No document reaches further.
    static let furthest = 1 << 31

    var value: Google_Protobuf_Value {
        [
            "chunkId": .string(chunkID), "documentId": .string(documentID), "title": .string(title),
            "language": .string(language), "text": .string(text), "page": .number(Double(page)),
            "start": .number(Double(start)), "end": .number(Double(end)),
        ]
    }

    init(_ value: Google_Protobuf_Value) throws(StepFailure) {
        let fields = try StepParameters(value)
        self.init(
            chunkID: try fields.text("chunkId"), documentID: try fields.text("documentId"),
            title: try fields.text("title"), language: try fields.text("language"), text: try fields.text("text"),
            page: try fields.whole("page"), start: try fields.whole("start"), end: try fields.whole("end"))
        // Checked before anybody adds to them.
        guard 0 <= start, start < end, end <= Self.furthest, text.unicodeScalars.count == end - start else {
            throw .permanent(
                reason: "PASSAGE", "A passage's \"start\" and \"end\" have to count the characters of its text.")
        }
        guard (0...Int(Int32.max)).contains(page) else {
            throw .permanent(reason: "PASSAGE", "A passage's \"page\" is from 1, or 0 without pages.")
        }
    }
}

extension BriefQuote {
    func value(number: Int) -> Google_Protobuf_Value {
        [
            "number": .number(Double(number)), "documentId": .string(documentID), "chunkId": .string(chunkID),
            "title": .string(title), "page": .number(Double(page)), "start": .number(Double(start)),
            "end": .number(Double(end)), "quote": .string(quote),
        ]
    }
}

/// Reads parameters; what is missing or of another kind is a permanent failure that names it.
struct StepParameters: Sendable {
    private let object: Google_Protobuf_Struct

    init(_ object: Google_Protobuf_Struct) { self.object = object }

    init(_ value: Google_Protobuf_Value) throws(StepFailure) {
        guard let object = value.structValue else {
            throw .permanent(reason: "PARAMETER", "An element of a list is no object.")
        }
        self.object = object
    }

    private func missing(_ name: String, _ kind: String) -> StepFailure {
        .permanent(reason: "PARAMETER", "The step's parameter \"\(name)\" has to be \(kind).")
    }

    func text(_ name: String) throws(StepFailure) -> String {
        guard let text = object.fields[name]?.stringValue else { throw missing(name, "a text") }
        return text
    }

    /// Nil when it is absent, null or empty.
    func optionalText(_ name: String) throws(StepFailure) -> String? {
        guard let value = object.fields[name], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw missing(name, "a text") }
        return text.isEmpty ? nil : text
    }

    func whole(_ name: String) throws(StepFailure) -> Int {
        guard let number = object.fields[name]?.numberValue, let whole = Int(exactly: number) else {
            throw missing(name, "a whole number")
        }
        return whole
    }

    func list(_ name: String) throws(StepFailure) -> [Google_Protobuf_Value] {
        guard let list = object.fields[name]?.listValue else { throw missing(name, "a list") }
        return list.values
    }
}
