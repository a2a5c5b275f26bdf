import Bytes
import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Workflows

@Suite(.serialized) struct DefinitionServiceTests {
    @Test func versionsCountUp() async throws {
        try await withScene { scene in
            var request = Ragdz_V1_PutDefinitionRequest()
            request.definition = definition("mine", action("a"))
            request.definition?.version = 77
            request.definition?.builtIn = true
            let first = try await scene.service.putDefinition(request, context: scene.context())
            #expect(first.version == 1 && !first.builtIn)
            request.definition = definition("mine", action("b"))
            #expect(try await scene.service.putDefinition(request, context: scene.context()).version == 2)
            // At the same time: each gets a version of its own.
            let versions = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<8 {
                    group.addTask { [request] in
                        try await scene.service.putDefinition(request, context: scene.context()).version
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(versions.sorted() == Array(3...10))
            #expect(try await scene.start("mine").workflowVersion == 10)
        }
    }

    @Test func theListHasOwnAndBuiltInOnes() async throws {
        try await withScene { scene in
            for name in ["c", "a", "b"] { try await scene.put(definition(name, action("a"))) }
            try await scene.put(definition("b", action("z")))
            var request = Ragdz_V1_ListDefinitionsRequest()
            request.pageSize = 2
            let first = try await scene.service.listDefinitions(request, context: scene.context())
            #expect(first.definitions.map(\.name) == ["brief", "a", "b"])
            #expect(first.definitions.map(\.version) == [1, 1, 2])
            #expect(first.definitions.map(\.builtIn) == [true, false, false])
            #expect(first.definitions[2].steps.map(\.id) == ["z"])
            request.pageToken = first.nextPageToken
            let second = try await scene.service.listDefinitions(request, context: scene.context())
            #expect(second.definitions.map(\.name) == ["c"])
            #expect(second.nextPageToken.isEmpty)
            let foreign = try await scene.service.listDefinitions(
                .init(), context: scene.context(scene.stranger, language: "ar"))
            #expect(foreign.definitions.map(\.name) == ["brief"])
            #expect(foreign.definitions[0].steps[2].prompt.contains("المجموعة"))
        }
    }

    @Test func refusals() async throws {
        try await withScene { scene in
            func put(_ definition: Ragdz_V1_Definition?) async -> String {
                await reason {
                    var request = Ragdz_V1_PutDefinitionRequest()
                    request.definition = definition
                    _ = try await scene.service.putDefinition(request, context: scene.context())
                }
            }
            #expect(await put(nil) == "INVALID_ARGUMENT NO_DEFINITION")
            #expect(await put(definition("brief", action("a"))) == "INVALID_ARGUMENT RESERVED_NAME")
            #expect(
                await put(definition("x", action("a", needs: ["b"]), action("b", needs: ["a"])))
                    == "INVALID_ARGUMENT CYCLE")
            #expect(await put(definition("x", action("a", needs: ["b"]))) == "INVALID_ARGUMENT MISSING_STEP")
            var large = definition("x")
            large.steps = (0..<200).map {
                action("s\($0)", with: ["x": .string(String(repeating: "y", count: 2_000))])
            }
            #expect(await put(large) == "INVALID_ARGUMENT DEFINITION_TOO_LARGE")
            var kindless = Google_Protobuf_Struct()
            kindless.fields["x"] = Google_Protobuf_Value()
            #expect(await put(definition("x", action("a", with: kindless))) == "INVALID_ARGUMENT NOT_JSON")
            let list = try await scene.service.listDefinitions(.init(), context: scene.context())
            #expect(list.definitions.map(\.name) == ["brief"], "nothing was half stored")
            #expect(
                await reason {
                    var request = Ragdz_V1_ListDefinitionsRequest()
                    request.pageToken = "forged"
                    _ = try await scene.service.listDefinitions(request, context: scene.context())
                } == "INVALID_ARGUMENT INVALID_PAGE_TOKEN")
        }
    }
}

@Suite(.serialized) struct RunServiceTests {
    @Test func aRequestIDStartsOneRun() async throws {
        try await withScene { scene in
            try await scene.put(definition("test", approval("ok")))
            let first = try await scene.start("test", ["a": 1, "b": "x"], requestID: "r-1")
            #expect(first.status == .waiting)
            #expect(try await scene.start("test", ["b": "x", "a": 1], requestID: "r-1").id == first.id)
            #expect(
                await reason { _ = try await scene.start("test", ["a": 2], requestID: "r-1") }
                    == "ALREADY_EXISTS REQUEST_ID_REUSED")
            #expect(try await scene.start("test", requestID: "").id != scene.start("test", requestID: "").id)
            // A newer version of the workflow does not make the request another one.
            try await scene.put(definition("test", approval("ok"), approval("ok2")))
            #expect(try await scene.start("test", ["a": 1, "b": "x"], requestID: "r-1").id == first.id)
            // Of another tenant the same id is free, and its own.
            #expect(
                await reason { _ = try await scene.start("test", requestID: "r-1", as: scene.stranger) }
                    == "NOT_FOUND WORKFLOW_NOT_FOUND")
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<10 { group.addTask { try await scene.start("test", requestID: "race").id } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            let only = try #require(ids.first)
            #expect(try await scene.get(only).lastSequence == 3)
        }
    }

    @Test func badStarts() async throws {
        try await withScene { scene in
            try await scene.put(definition("test", action("a", with: ["x": "${input.x}"])))
            func start(_ workflow: String, _ input: Google_Protobuf_Struct, _ id: String = "") async -> String {
                await reason { _ = try await scene.start(workflow, input, requestID: id) }
            }
            #expect(await start("nobody", [:]) == "NOT_FOUND WORKFLOW_NOT_FOUND")
            #expect(await start("a\0", [:]) == "NOT_FOUND WORKFLOW_NOT_FOUND")
            #expect(await start("a\0", [:], "r") == "NOT_FOUND WORKFLOW_NOT_FOUND")
            #expect(await start("test", ["x": 1], "r\0") == "INVALID_ARGUMENT REQUEST_ID")
            #expect(await start("test", [:]) == "INVALID_ARGUMENT INPUT_MISSING")
            #expect(await start("test", ["x": "\0"]) == "INVALID_ARGUMENT NULL_CHARACTER")
            #expect(await start("test", ["x": .number(.nan)]) == "INVALID_ARGUMENT NOT_A_NUMBER")
            #expect(
                await start("test", ["x": .string(String(repeating: "y", count: 65_536))])
                    == "INVALID_ARGUMENT INPUT_TOO_LARGE")
            #expect(
                await start("test", ["x": 1], String(repeating: "r", count: 101)) == "INVALID_ARGUMENT REQUEST_ID")
            var deep: Google_Protobuf_Value = 1
            for _ in 0..<30 { deep = [deep] }
            #expect(await start("test", ["x": deep]) == "INVALID_ARGUMENT TOO_DEEP")
            let list = try await scene.service.listRuns(.init(), context: scene.context())
            #expect(list.runs.isEmpty, "nothing was half stored")
        }
    }

    @Test func approvalBothWays() async throws {
        try await withScene { scene in
            let graph = definition(
                "test", approval("ok", prompt: "Go on with ${input.x}?"),
                action("a", needs: ["ok"], with: ["said": "${steps.ok.comment}"]))
            try await scene.put(graph)
            let (yes, no) = (try await scene.start("test", ["x": "tax"]), try await scene.start("test", ["x": "law"]))
            #expect(yes.step("ok")?.prompt == "Go on with tax?")
            #expect(yes.step("ok")?.status == .waiting)
            try await scene.working {
                _ = try await scene.approve(yes.id, comment: "fine")
                let done = try await scene.ended(yes.id)
                #expect(done.output == ["said": "fine"])
                #expect(try await scene.approve(yes.id, step: "ok").id == yes.id, "alike again")
                #expect(
                    await reason { _ = try await scene.approve(yes.id, false, step: "ok") }
                        == "FAILED_PRECONDITION DECIDED_OTHERWISE")
                let refused = try await scene.approve(no.id, false, comment: "weak")
                #expect(refused.status == .failed)
                #expect(refused.error == "Step \"ok\" failed: Refused: weak")
                #expect(try await scene.approve(no.id, false).status == .failed, "alike again")
                #expect(
                    await reason { _ = try await scene.approve(no.id) } == "FAILED_PRECONDITION DECIDED_OTHERWISE")
            }
            let decided = try await scene.watch(yes.id).first { $0.type == "approval.decided" }
            #expect(decided?.data == ["approved": true, "comment": "fine", "decidedBy": "key-1"])
            #expect(
                await reason { _ = try await scene.approve(yes.id, step: "nobody") } == "NOT_FOUND STEP_NOT_FOUND")
            #expect(
                await reason { _ = try await scene.approve(yes.id, step: "a") }
                    == "FAILED_PRECONDITION NOT_AN_APPROVAL")
            #expect(
                await reason {
                    _ = try await scene.approve(yes.id, comment: String(repeating: "x", count: 2_001))
                } == "INVALID_ARGUMENT TOO_LONG")
        }
    }

    @Test func runsAreListedNewestFirst() async throws {
        try await withScene { scene in
            try await scene.put(definition("test", approval("ok")))
            var ids: [String] = []
            for _ in 0..<5 { ids.append(try await scene.start("test").id) }
            _ = try await scene.cancel(ids[0])
            var request = Ragdz_V1_ListRunsRequest()
            request.pageSize = 2
            var seen: [String] = []
            repeat {
                let page = try await scene.service.listRuns(request, context: scene.context())
                seen += page.runs.map(\.id)
                request.pageToken = page.nextPageToken
            } while !request.pageToken.isEmpty && seen.count < 10
            #expect(seen == ids.reversed())
            request = .init()
            request.status = .cancelled
            #expect(
                try await scene.service.listRuns(request, context: scene.context()).runs.map(\.id) == [ids[0]])
            let foreign = try await scene.service.listRuns(.init(), context: scene.context(scene.stranger))
            #expect(foreign.runs.isEmpty)
            request.status = .init(rawValue: 99)
            #expect(
                await reason { _ = try await scene.service.listRuns(request, context: scene.context()) }
                    == "INVALID_ARGUMENT STATUS")
        }
    }

    /// Another tenant's run, one that does not exist, and what is no id: the same answer on every method.
    @Test func foreignIsAbsent() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", approval("ok")))
            let service = scene.service
            for id in [run.id, UUID128.v4().description, "", "no-id", "../x", "00000000"] {
                let context = scene.context(scene.stranger)
                var answers: [String] = []
                answers.append(
                    await reason {
                        var request = Ragdz_V1_GetRunRequest()
                        request.id = id
                        _ = try await service.getRun(request, context: context)
                    })
                answers.append(
                    await reason {
                        var request = Ragdz_V1_ApproveRequest()
                        request.id = id
                        request.approved = true
                        _ = try await service.approve(request, context: context)
                    })
                answers.append(
                    await reason {
                        var request = Ragdz_V1_CancelRunRequest()
                        request.id = id
                        _ = try await service.cancelRun(request, context: context)
                    })
                answers.append(
                    await reason {
                        var request = Ragdz_V1_WatchRunRequest()
                        request.id = id
                        try await service.watchRun(
                            request, responses: ResponseWriter { _ in Issue.record("an event leaked") },
                            context: context)
                    })
                #expect(answers == Array(repeating: "NOT_FOUND RUN_NOT_FOUND", count: 4), "for \(id)")
            }
            #expect(try await scene.get(run.id).status == .waiting, "untouched")
            let nobody = ServerContext(method: Ragdz_V1_Workflows.Methods.getRun)
            #expect(
                await reason { _ = try await service.getRun(.init(), context: nobody) }
                    == "PERMISSION_DENIED TENANT_KEY_REQUIRED")
        }
    }
}
