internal import ArgumentParser
internal import Foundation
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Sets of questions on the server, and runs that are compared.
enum EvalSets {
    typealias Client = Ragdz_V1_Retrieval.Client

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Stores a set of questions.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "1 to 100 characters.") var name: String
        @Argument(help: "The questions, one JSON object a line, as for `ragdz eval`.") var file: String?

        func run() async throws {
            let cases = try file.map { try EvalCommand.cases(in: $0) } ?? []
            try await Session.run(connection) { [name, json = connection.json] session in
                let client = Client(session.client)
                var request = Ragdz_V1_CreateEvalSetRequest()
                request.name = name
                request.cases = cases
                let made = try await client.createEvalSet(request, options: session.options)
                if json { return try Terminal.printJSON(made) }
                Terminal.write("\(made.id)  \(made.name): \(made.caseCount) questions\n")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "sets", abstract: "Lists the sets of questions.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListEvalSetsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listEvalSets(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "QUESTIONS", "NAME"], page.sets.map { [$0.id, String($0.caseCount), $0.name] })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Deletes a set with its questions and runs.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name.") var set: String

        func run() async throws {
            var request = Ragdz_V1_DeleteEvalSetRequest()
            request.id = set
            try await Session.run(connection) { [request] session in
                _ = try await Client(session.client).deleteEvalSet(request, options: session.options)
            }
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run", abstract: "Measures search on a set and keeps the report.",
            discussion: "The run goes on at the server when this command is interrupted: see `eval show`.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name of the set.") var set: String
        @Option(name: .customLong("collection"), help: "Id or name; all when left out; may be given several times.")
        var collections: [String] = []
        @Flag(help: "Judge the evidence gate as well.") var gate = false
        @Option(help: "What is tried out.") var label = ""
        @Option(help: "Your own name for the run: starting it again under the same one finds it.") var requestID = ""
        @Option(help: "Id of an earlier run to compare with.") var baseline = ""
        @Flag(help: "Do not wait for its end.") var detach = false

        func run() async throws {
            var request = Ragdz_V1_RunEvalRequest()
            request.id = set
            request.collections = collections
            request.gate = gate
            request.label = label
            request.baselineRunID = baseline
            request.requestID = requestID
            try await Session.run(connection) { [request, detach, json = connection.json] session in
                var run = try await Client(session.client).runEval(request, options: session.options)
                if !detach {
                    if !json { Terminal.complain("(run \(run.id), \(run.caseCount) questions)") }
                    run = try await EvalSets.end(of: run, session)
                }
                try show(run, json: json)
                guard run.status != .failed else {
                    throw Status.failedPrecondition(run.failureMessage, reason: run.failureReason)
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "How far a run is, and its report when it is over.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the run.") var id: String

        func run() async throws {
            var request = Ragdz_V1_GetEvalRunRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).getEvalRun(request, options: session.options), json: json)
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Ends a run that goes on.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the run.") var id: String

        func run() async throws {
            var request = Ragdz_V1_CancelEvalRunRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).cancelEvalRun(request, options: session.options), json: json)
            }
        }
    }

    struct Runs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "runs", abstract: "Lists the runs of a set.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Argument(help: "Id or name of the set.") var set: String

        func run() async throws {
            var request = Ragdz_V1_ListEvalRunsRequest()
            request.id = set
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listEvalRuns(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "TIME", "STATUS", "nDCG@10", "LABEL"],
                    page.runs.map { run in
                        let all = run.report?.figures.last?.legs.last?.ndcgAt10
                        return [run.id, Terminal.date(run.createTime), word(run), EvalCommand.shown(all), run.label]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "compare", abstract: "What a run changed against an earlier one.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the run.") var id: String
        @Argument(help: "Id of the run to compare with.") var baseline: String

        func run() async throws {
            var request = Ragdz_V1_CompareEvalRunsRequest()
            request.id = id
            request.baselineRunID = baseline
            try await Session.run(connection) { [request, json = connection.json] session in
                let found = try await Client(session.client).compareEvalRuns(request, options: session.options)
                if json { return try Terminal.printJSON(found) }
                show(found)
            }
        }
    }

    /// Watches a run until it is over; a server that is away is waited for, and nothing that was heard is sent again.
    static func end(of run: Ragdz_V1_EvalRun, _ session: Session) async throws -> Ragdz_V1_EvalRun {
        var request = Ragdz_V1_WatchEvalRunRequest()
        request.id = run.id
        var now = run
        while now.status == .running {
            do {
                for try await heard in try await Client(session.client).watchEvalRun(request, options: session.options)
                {
                    let outcomes = now.outcomes + heard.outcomes
                    now = heard
                    now.outcomes = outcomes
                    request.afterCaseID = outcomes.last?.caseID ?? ""
                }
            } catch let status as Status where status.code == .unavailable {
                try await Task.sleep(for: .seconds(1))
            }
        }
        return now
    }

    static func word(_ run: Ragdz_V1_EvalRun) -> String {
        switch run.status {
        case .running: "\(run.doneCount)/\(run.caseCount)"
        case .succeeded: "done"
        case .failed: "failed"
        case .cancelled: "cancelled"
        default: "?"
        }
    }

    static func show(_ run: Ragdz_V1_EvalRun, json: Bool) throws {
        if json { return try Terminal.printJSON(run) }
        Terminal.write("run \(run.id): \(word(run))\n")
        if !run.failureReason.isEmpty { Terminal.write("\(run.failureMessage) [\(run.failureReason)]\n") }
        for figures in run.report?.figures ?? [] { EvalCommand.show(figures) }
        if let comparison = run.comparison { show(comparison) }
    }

    static func show(_ comparison: Ragdz_V1_EvalComparison) {
        Terminal.write("against \(comparison.baselineRunID), \(comparison.cases) questions of both\n")
        for difference in comparison.differences {
            let label = difference.label.isEmpty ? "all" : difference.label
            let leg = "\(label) \(difference.leg)".padding(toLength: 20, withPad: " ", startingAt: 0)
            Terminal.write(
                "   \(leg) nDCG@10 \(EvalCommand.shown(difference.ndcgAt10))\(difference.significant ? " *" : "")"
                    + "  recall@10 \(EvalCommand.shown(difference.recallAt10))\n")
        }
    }
}
