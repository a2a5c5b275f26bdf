internal import ArgumentParser
internal import RPC
internal import RPCTransport

/// Asks the server how it is.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Says whether the server serves; exit code 6 when it does not.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Full name of one service; the whole server when left out.") var service = ""

    func run() async throws {
        var request = Grpc_Health_V1_HealthCheckRequest()
        request.service = service
        try await Session.run(connection) { [request, json = connection.json] session in
            let client = Grpc_Health_V1_Health.Client(session.client)
            let answer = try await client.check(request, options: session.options)
            if json {
                try Terminal.printJSON(answer)
            } else {
                Terminal.write(answer.status == .serving ? "serving\n" : "not serving\n")
            }
            guard answer.status == .serving else {
                throw Status.unavailable("The server does not serve \(request.service).", reason: "NOT_SERVING")
            }
        }
    }
}
