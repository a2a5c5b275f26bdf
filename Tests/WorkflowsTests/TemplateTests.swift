import ProtoRuntime
import Testing

@testable import Workflows

@Suite struct TemplateTests {
    private let scope = TemplateScope(
        runID: "R",
        input: [
            "topic": "TVA", "n": 3, "half": 0.5, "yes": true, "nothing": nil, "deep": ["list": ["x", ["y": "z"]]],
        ],
        outputs: ["a": ["text": "سلام", "hits": [["title": "one"]]]])

    private func resolved(_ value: Google_Protobuf_Value) throws -> Google_Protobuf_Value? {
        try scope.resolve(["v": value]).fields["v"]
    }

    private func failure(_ value: Google_Protobuf_Value) -> String? {
        do {
            _ = try resolved(value)
            return nil
        } catch let failure as StepFailure {
            #expect(failure.kind == .permanent)
            return failure.reason
        } catch { return "\(error)" }
    }

    @Test func aLoneReferenceKeepsItsKind() throws {
        #expect(try resolved("${input.topic}") == "TVA")
        #expect(try resolved("${input.n}") == 3)
        #expect(try resolved("${input.yes}") == true)
        #expect(try resolved("${input.nothing}") == nil as Google_Protobuf_Value)
        #expect(try resolved("${steps.a.hits}") == [["title": "one"]])
        #expect(try resolved("${input.deep.list.1.y}") == "z")
        #expect(try resolved("${run.id}") == "R")
    }

    @Test func referencesWithinText() throws {
        #expect(try resolved("«${steps.a.text}» (${input.n}, ${input.half}, ${input.yes})") == "«سلام» (3, 0.5, true)")
        #expect(try resolved("[${input.nothing}][${input.absent?}]") == "[][]")
        #expect(try resolved("$${input.topic} costs 5$") == "${input.topic} costs 5$")
        #expect(try resolved("") == "")
        #expect(try resolved(["a": ["${run.id}", 1]]) == ["a": ["R", 1]])
    }

    @Test func referencesThatLeadNowhere() throws {
        #expect(try resolved("${input.absent?}") == nil as Google_Protobuf_Value)
        #expect(try resolved("${input.deep.list.9?}") == nil as Google_Protobuf_Value)
        #expect(failure("${input.absent}") == "MISSING_REFERENCE")
        #expect(failure("${steps.b.x}") == "MISSING_REFERENCE")
        #expect(failure("${input.topic.x}") == "MISSING_REFERENCE")
        #expect(failure("${input.deep.list.-1}") == "MISSING_REFERENCE")
        #expect(failure("a ${input.deep} b") == "TEMPLATE")
        #expect(failure("${") == "TEMPLATE")
    }

    @Test func whatIsPutInIsNotReadAgain() throws {
        let scope = TemplateScope(runID: "R", input: ["x": "${run.id}"], outputs: [:])
        #expect(try scope.resolve(["v": "${input.x}"]).fields["v"] == "${run.id}")
    }

    @Test func smallTemplatesCannotGrowWithoutBound() {
        let scope = TemplateScope(
            runID: "R", input: ["x": .string(String(repeating: "a", count: 60_000))], outputs: [:])
        let many = Google_Protobuf_Value.list((0..<100).map { _ in "${input.x}" })
        #expect {
            try scope.resolve(["v": many])
        } throws: {
            ($0 as? StepFailure)?.reason == "PARAMETERS_TOO_LARGE"
        }
    }
}
