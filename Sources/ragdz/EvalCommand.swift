internal import ArgumentParser
internal import Foundation
internal import ProtoRuntime
internal import Schema

struct EvalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Measures search on questions with known answers.",
        discussion: """
            The file holds one JSON object a line: {"question": "…", "label": "fr", "documentIds": ["…"]} or, instead of \
            the documents, {"contains": "words of the passage that answers"}; neither for a question that nothing answers.
            """,
        subcommands: [
            File.self, EvalSets.Create.self, EvalSets.List.self, EvalSets.Delete.self, EvalSets.Run.self,
            EvalSets.Show.self, EvalSets.Cancel.self, EvalSets.Runs.self, EvalSets.Compare.self,
        ], defaultSubcommand: File.self)

    /// The cases that a file holds, one JSON object a line.
    static func cases(in file: String) throws -> [Ragdz_V1_EvaluationCase] {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw Failure.usage("\(file) cannot be read as UTF-8 text.")
        }
        return try text.split(separator: "\n").enumerated().map { number, line in
            do { return try Ragdz_V1_EvaluationCase(json: Array(line.utf8)) } catch {
                throw Failure.usage("Line \(number + 1) of \(file) is not a case: \(error)")
            }
        }
    }

    struct File: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "file", abstract: "Measures search on the questions of a file; nothing is kept.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "The questions, one JSON object a line; at most 1,000.") var file: String
        @Option(name: .customLong("collection"), help: "Id or name; all when left out; may be given several times.")
        var collections: [String] = []
        @Flag(help: "Judge the evidence gate as well.") var gate = false

        func run() async throws {
            var request = Ragdz_V1_EvaluateRequest()
            request.collections = collections
            request.gate = gate
            request.cases = try EvalCommand.cases(in: file)
            try await Session.run(connection) { [request, json = connection.json] session in
                let client = Ragdz_V1_Retrieval.Client(session.client)
                let report = try await client.evaluate(request, options: session.options)
                if json { return try Terminal.printJSON(report) }
                for figures in report.figures { EvalCommand.show(figures) }
            }
        }
    }

    static func show(_ figures: Ragdz_V1_EvaluationFigures) {
        let label = figures.label.isEmpty ? "all" : figures.label
        Terminal.write("\(label): \(figures.answerable) answerable, \(figures.unanswerable) not\n")
        for leg in figures.legs {
            let name = leg.leg.padding(toLength: 8, withPad: " ", startingAt: 0)
            Terminal.write(
                "   \(name) nDCG@10 \(shown(leg.ndcgAt10))  recall@10 \(shown(leg.recallAt10))  MRR \(shown(leg.reciprocalRank))\n"
            )
        }
        if let auroc = figures.gateAuroc, let abstention = figures.falseAbstention, let answers = figures.falseAnswers {
            Terminal.write(
                "   gate     AUROC \(rounded(auroc))  false abstention \(rounded(abstention))  false answers \(rounded(answers))\n"
            )
        }
    }

    static func shown(_ estimate: Ragdz_V1_Estimate?) -> String {
        guard let estimate else { return "-" }
        return "\(rounded(estimate.mean)) (\(rounded(estimate.low))–\(rounded(estimate.high)))"
    }

    private static func rounded(_ value: Double) -> String { String(format: "%.3f", value) }
}
