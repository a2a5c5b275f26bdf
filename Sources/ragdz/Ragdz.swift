internal import ArgumentParser
internal import Foundation

/// The command line client.
@main
struct Ragdz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ragdz",
        abstract: "Talks to a RAG-DZ server: tenants, keys, documents, answers with proofs, long runs.",
        discussion: """
            The address and the key come from --address and --key, from RAGDZ_ADDRESS and RAGDZ_KEY, or from the \
            profile that `ragdz login` saved, in this order.

            Exit codes: 0 done; 1 any other failure; 2 wrong usage; 3 key missing, refused or without the right; \
            4 not found; 5 the server refused the request as invalid, in conflict or over a limit; 6 the server is \
            away or took too long.

            Completion: ragdz completion bash > ~/.local/share/bash-completion/completions/ragdz
            """,
        version: "0.1.0",
        subcommands: [
            LoginCommand.self, LogoutCommand.self, TenantCommand.self, UsageCommand.self, MembersCommand.self,
            KeyCommand.self,
            OperatorsCommand.self, AuditCommand.self, CollectionCommand.self, DocumentCommand.self,
            IngestCommand.self, CorpusCommand.self,
            SearchCommand.self, AskCommand.self, ConversationCommand.self, EvalCommand.self, RunCommand.self,
            WorkflowCommand.self, CallCommand.self,
            HealthCommand.self, CompletionCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            failure.report()
            Foundation.exit(failure.exitCode.rawValue)
        } catch {
            leave(with: error)
        }
    }

    /// Help and version are answers; everything else that the parser throws is wrong usage.
    private static func leave(with error: any Error) -> Never {
        let isAnswer = exitCode(for: error).isSuccess
        let text = fullMessage(for: error)
        if !text.isEmpty { isAnswer ? print(text) : Terminal.complain(text) }
        Foundation.exit(isAnswer ? ExitStatus.done.rawValue : ExitStatus.usage.rawValue)
    }
}

/// Prints a completion script.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Prints a completion script for your shell.",
        discussion: """
            bash: ragdz completion bash > ~/.local/share/bash-completion/completions/ragdz
            zsh:  ragdz completion zsh > "${fpath[1]}/_ragdz"
            fish: ragdz completion fish > ~/.config/fish/completions/ragdz.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: String

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw Failure.usage("There is a completion for bash, zsh and fish only.")
        }
        print(Ragdz.completionScript(for: shell))
    }
}
