internal import ArgumentParser
internal import Foundation
internal import ProtoRuntime
internal import Schema

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Long work that survives any crash.",
        subcommands: [Start.self, Get.self, List.self, WatchCommand.self, Approve.self, Cancel.self])

    typealias Client = Ragdz_V1_Workflows.Client

    static func show(_ run: Ragdz_V1_Run, json: Bool) throws {
        if json { return try Terminal.printJSON(run) }
        Terminal.fields([
            ("id", run.id), ("workflow", "\(run.workflow) v\(run.workflowVersion)"),
            ("status", Terminal.name(run.status, dropping: "RUN_STATUS_")), ("error", run.error),
            ("events", String(run.lastSequence)), ("created", Terminal.date(run.createTime)),
            ("ended", Terminal.date(run.endTime)),
            ("output", (try? run.output?.jsonString()) ?? ""),
        ])
        for step in run.steps {
            let status = Terminal.name(step.status, dropping: "STEP_STATUS_")
            let attempts = step.attempts > 1 ? ", \(step.attempts) attempts" : ""
            let prompt = step.status == .waiting && !step.prompt.isEmpty ? ": \(step.prompt)" : ""
            let error = step.error.isEmpty ? "" : ": \(step.error)"
            Terminal.write("  \(step.id): \(status)\(attempts)\(prompt)\(error)\n")
        }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Starts a run of a workflow.",
            discussion: "Example: ragdz run start brief --set topic=\"TVA\" --set collection=law --watch")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Name of the workflow, e.g. brief.") var workflow: String
        @Option(help: "Input as a JSON object, or @FILE.") var input: String?
        @Option(name: .customLong("set"), help: "One member of the input, NAME=TEXT; may be given several times.")
        var members: [String] = []
        @Option(help: "Your own id of the request: starting again with it returns the same run.")
        var requestID = ""
        @Flag(help: "Follow its events until it ends.") var watch = false

        func run() async throws {
            var request = Ragdz_V1_StartRunRequest()
            request.workflow = workflow
            request.input = try inputObject()
            request.requestID = requestID
            try await Session.run(connection) { [request, watch, json = connection.json] session in
                let run = try await Client(session.client).startRun(request, options: session.options)
                try show(run, json: json)
                if !watch { return }
                var watching = RunWatch(id: run.id, after: 0, json: json)
                try await watching.follow(session)
            }
        }

        private func inputObject() throws -> Google_Protobuf_Struct {
            var object = Google_Protobuf_Struct()
            if let input {
                do { object = try Google_Protobuf_Struct(json: try JSONArgument.bytes(input)) } catch let error
                    as JSONError
                {
                    throw Failure.usage("--input is no JSON object: \(error)")
                }
            }
            for member in members {
                guard let equals = member.firstIndex(of: "="), equals > member.startIndex else {
                    throw Failure.usage("Write --set as NAME=TEXT.")
                }
                let text = String(member[member.index(after: equals)...])
                object.fields[String(member[..<equals])] = Google_Protobuf_Value(.stringValue(text))
            }
            return object
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a run and its steps.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_GetRunRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).getRun(request, options: session.options), json: json)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists runs, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Option(help: "running, waiting, succeeded, failed or cancelled.") var status: String?

        func run() async throws {
            var request = Ragdz_V1_ListRunsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            if let status {
                guard let value: Ragdz_V1_RunStatus = Terminal.value(status, prefix: "RUN_STATUS_") else {
                    throw Failure.usage("The status \(status) is unknown.")
                }
                request.status = value
            }
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listRuns(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "WORKFLOW", "STATUS", "EVENTS", "CREATED"],
                    page.runs.map {
                        [
                            $0.id, $0.workflow, Terminal.name($0.status, dropping: "RUN_STATUS_"),
                            String($0.lastSequence), Terminal.date($0.createTime),
                        ]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Decides an approval that is waiting.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option(help: "The step; may be left out when one approval is waiting.") var step = ""
        @Option(help: "At most 2,000 characters.") var comment = ""
        @Flag(help: "Refuse instead: the step fails with the comment.") var reject = false

        func run() async throws {
            var request = Ragdz_V1_ApproveRequest()
            request.id = id
            request.stepID = step
            request.approved = !reject
            request.comment = comment
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).approve(request, options: session.options), json: json)
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a run before its time.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option var reason = ""

        func run() async throws {
            var request = Ragdz_V1_CancelRunRequest()
            request.id = id
            request.reason = reason
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).cancelRun(request, options: session.options), json: json)
            }
        }
    }
}
