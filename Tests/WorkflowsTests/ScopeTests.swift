import Bytes
import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Workflows

/// A workflow does nothing that its starter's key may not do by calls of its own.
@Suite(.serialized) struct ScopeTests {
    private func definition(_ action: String) -> Ragdz_V1_Definition {
        var step = Ragdz_V1_StepDefinition()
        step.id = "only"
        step.kind = .action
        step.action = action
        var definition = Ragdz_V1_Definition()
        definition.name = "scoped"
        definition.steps = [step]
        return definition
    }

    @Test(arguments: [
        ("retrieval.search", "retrieval.read"), ("answer.draft", "retrieval.read"),
        ("retrieval.store", "retrieval.write"),
    ])
    func anActionNeedsTheScopeOfItsWork(_ action: String, _ scope: String) async throws {
        try await withScene { scene in
            // Stored by a key that may do everything, so what counts is who starts.
            try await scene.put(definition(action))
            let bare: ScopeSet = ["workflows.write", "workflows.read"]
            #expect(
                await reason { _ = try await scene.start("scoped", scopes: bare) }
                    == "PERMISSION_DENIED SCOPE_MISSING")
            let other = scope == "retrieval.read" ? "retrieval.write" : "retrieval.read"
            #expect(
                await reason { _ = try await scene.start("scoped", scopes: ["workflows.write", other]) }
                    == "PERMISSION_DENIED SCOPE_MISSING")
            #expect(
                await reason { _ = try await scene.start("scoped", scopes: ["workflows.write", scope]) } == "none")
            #expect(
                await reason { _ = try await scene.start("scoped", scopes: ["workflows.*", "retrieval.*"]) } == "none")
        }
    }

    @Test func theBuiltInBriefNeedsBoth() async throws {
        try await withScene { scene in
            let input: Google_Protobuf_Struct = ["topic": "TVA", "collection": "laws"]
            for scopes: ScopeSet in [["workflows.*"], ["workflows.*", "retrieval.read"]] {
                #expect(
                    await reason { _ = try await scene.start("brief", input, scopes: scopes) }
                        == "PERMISSION_DENIED SCOPE_MISSING")
            }
            let all: ScopeSet = ["workflows.*", "retrieval.read", "retrieval.write"]
            #expect(await reason { _ = try await scene.start("brief", input, scopes: all) } == "none")
        }
    }

    /// The run was allowed when it started: an approval by a key without the scope only lets it go on.
    @Test func anApprovalNeedsNoScopeOfTheSteps() async throws {
        try await withScene { scene in
            let sources = FakeSources()
            try await scene.working(scene.engine(actions: BriefActions.all(sources))) {
                let run = try await scene.start("brief", ["topic": "TVA", "collection": "laws"])
                _ = try await scene.run(run.id) { $0.status == .waiting }
                var request = Ragdz_V1_ApproveRequest()
                request.id = run.id
                request.approved = true
                _ = try await scene.service.approve(request, context: scene.context(scopes: ["workflows.write"]))
                #expect(try await scene.ended(run.id).status == .succeeded)
            }
        }
    }

    @Test func anActionThatTheServerHasLostIsNoRun() async throws {
        let graph = try Graph(definition("retrieval.search"))
        #expect(
            await reason { try DefinitionRules.check(graph, mayBeStartedWith: .all, scopes: [:]) }
                == "FAILED_PRECONDITION UNKNOWN_ACTION")
    }
}

/// Passages as a caller writes them by hand.
@Suite struct HandMadePassageTests {
    private func read(_ fields: Google_Protobuf_Struct) -> String {
        var object: Google_Protobuf_Struct = [
            "chunkId": "c", "documentId": "d", "title": "t", "language": "fr", "text": "abc", "page": 0, "start": 7,
            "end": 10,
        ]
        for (name, value) in fields.fields { object.fields[name] = value }
        do {
            _ = try BriefPassage(.object(object))
            return "none"
        } catch { return "\(error.kind) \(error.reason)" }
    }

    @Test func placesAreBounded() {
        #expect(read([:]) == "none")
        #expect(
            read(["start": .number(Double(Int64.max - 1023)), "end": .number(Double(Int64.max - 1023))])
                == "permanent PASSAGE")
        #expect(read(["start": -3, "end": 0]) == "permanent PASSAGE")
        #expect(read(["start": 10, "end": 7]) == "permanent PASSAGE")
        #expect(read(["start": 7, "end": 11]) == "permanent PASSAGE")
        #expect(read(["start": 7, "end": 7, "text": ""]) == "permanent PASSAGE")
        #expect(
            read(["start": .number(Double(1 << 31) - 2), "end": .number(Double(1 << 31) + 1)]) == "permanent PASSAGE")
        #expect(read(["start": .number(9.3e18)]) == "permanent PARAMETER")
        #expect(read(["start": 7.5]) == "permanent PARAMETER")
        #expect(read(["page": -1]) == "permanent PASSAGE")
        #expect(read(["page": .number(1e15)]) == "permanent PASSAGE")
    }
}

@Suite struct DurationTests {
    @Test func lengthsThatDoNotFitAreNone() {
        func micros(_ seconds: Int64, _ nanos: Int32) -> Int64? {
            Google_Protobuf_Duration(seconds: seconds, nanos: nanos).checkedMicroseconds
        }
        #expect(micros(1, 500_000_000) == 1_500_000)
        #expect(micros(-1, -500_000_000) == -1_500_000)
        #expect(micros(0, 0) == 0)
        #expect(micros(.max, 0) == nil)
        #expect(micros(.min, 0) == nil)
        #expect(micros(.max / 1_000_000, 999_999_999) == nil)
        #expect(micros(.max / 1_000_000, 775_807_000) == .max)
        #expect(micros(.min / 1_000_000, -775_808_000) == .min)
        #expect(micros(.min / 1_000_000, -775_809_000) == nil)
        #expect(micros(0, .min) == nil)
        #expect(micros(0, 1_000_000_000) == nil)
        #expect(micros(1, -1) == nil)
        #expect(micros(-1, 1) == nil)
    }
}
