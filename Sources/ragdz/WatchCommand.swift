internal import ArgumentParser
internal import ProtoRuntime
internal import RPC
internal import Schema

/// `ragdz run watch`
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follows a run's events until it ends.",
        discussion: "A server that goes away is waited for; the events then go on where they stopped.")

    @OptionGroup var connection: ConnectionOptions
    @Argument var id: String
    @Option(help: "Number of the last event already seen.") var after: Int64 = 0
    @Option(help: "Seconds to wait for a server that is away.") var patience: Int64 = RunWatch.defaultPatience

    func run() async throws {
        try await Session.run(connection) { [id, after, patience, json = connection.json] session in
            var watching = RunWatch(id: id, after: after, json: json, patience: patience)
            try await watching.follow(session)
        }
    }
}

/// Follows the events of a run over any number of connections, each event once.
struct RunWatch {
    static let defaultPatience: Int64 = 60

    let id: String
    var after: Int64
    let json: Bool
    var patience = RunWatch.defaultPatience

    mutating func follow(_ session: Session) async throws {
        var awaySince: ContinuousClock.Instant?
        while true {
            do {
                try await stream(session) { awaySince = nil }
                return
            } catch let status as Status where status.code == .unavailable {
                let since = awaySince ?? .now
                if awaySince == nil { Terminal.complain("(the server is away: waiting)") }
                awaySince = since
                if ContinuousClock.now - since > .seconds(patience) { throw status }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private mutating func stream(_ session: Session, _ onEvent: () -> Void) async throws {
        var request = Ragdz_V1_WatchRunRequest()
        request.id = id
        request.afterSequence = after
        let client = Ragdz_V1_Workflows.Client(session.client)
        for try await event in try await client.watchRun(request, options: session.options) {
            guard event.sequence == after + 1 else {
                throw Status.dataLoss("Event \(event.sequence) came after \(after).", reason: "EVENT_GAP")
            }
            after = event.sequence
            onEvent()
            if json { try Terminal.printJSON(event) } else { show(event) }
        }
    }

    private func show(_ event: Ragdz_V1_RunEvent) {
        let step = event.stepID.isEmpty ? "" : " \(event.stepID)"
        Terminal.write("#\(event.sequence) \(Terminal.date(event.time)) \(event.type)\(step)\n")
    }
}
