internal import ArgumentParser
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import RPCTransport
internal import TLS

/// Where to call and with which key; every command that talks to a server takes these.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: """
            host:port of the server's RPC (RAGDZ_ADDRESS; 127.0.0.1:7443). Other machines are called over TLS, this one \
            in plain text, unless the address begins with http:// or https://.
            """)
    var address: String?

    @Option(help: "PEM file with the authorities to trust over TLS (RAGDZ_CA; those of the system).")
    var ca: String?

    @Option(help: "API key or operator credential (RAGDZ_KEY). Others on this machine can read it in `ps`.")
    var key: String?

    @Option(help: "Profile saved by `ragdz login` (RAGDZ_PROFILE).")
    var profile: String?

    @Option(help: "Seconds that a call may take; streams are not bound unless this is given.")
    var timeout: Double?

    @Flag(help: "Print answers as JSON, one message a line; errors as JSON on standard error.")
    var json = false

    struct Resolved {
        var address: String
        var key: String?
        var authorities: String?
        /// The profile whose session is the key.
        var session: (profile: String, saved: ProfileFile.Profile)?
    }

    static let defaultAddress = "127.0.0.1:7443"

    /// A variable of the environment; nil when it is set to nothing.
    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Where a login goes, and which authorities it trusts: as for any command, except that a saved profile, which it replaces,
    /// does not count.
    var forLogin: (address: String, authorities: String?) {
        (address ?? Self.variable("RAGDZ_ADDRESS") ?? Self.defaultAddress, ca ?? Self.variable("RAGDZ_CA"))
    }

    func resolve() throws -> Resolved {
        func variable(_ name: String) -> String? { Self.variable(name) }
        let file = try ProfileFile.load()
        let name = profile ?? variable("RAGDZ_PROFILE")
        let saved = file.profiles[name ?? file.current]
        if let name, saved == nil {
            throw Failure.usage("There is no profile \(name); `ragdz login --profile \(name)` makes it.")
        }
        let given = key ?? variable("RAGDZ_KEY")
        let session = given == nil && saved?.refresh != nil ? saved.map { (name ?? file.current, $0) } : nil
        return Resolved(
            address: address ?? variable("RAGDZ_ADDRESS") ?? saved?.address ?? Self.defaultAddress,
            key: given ?? saved?.key, authorities: ca ?? variable("RAGDZ_CA") ?? saved?.authorities,
            session: session)
    }
}

/// A connection for the time of one command.
struct Session: Sendable {
    let client: RPCClient
    let options: CallOptions
    let address: String

    /// Connects, runs `body` and closes. What the server refuses comes out as a `Failure`.
    static func run(
        _ connection: ConnectionOptions, _ body: @escaping @Sendable (Session) async throws -> Void
    ) async throws {
        var resolved = try connection.resolve()
        if let next = try await SavedSession.renewed(resolved, connection) { resolved.key = next }
        try await run(resolved, connection, body)
    }

    static func run(
        _ resolved: ConnectionOptions.Resolved, _ connection: ConnectionOptions,
        _ body: @escaping @Sendable (Session) async throws -> Void
    ) async throws {
        let server = try ServerAddress(resolved.address)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = RPCClient.Configuration.defaults
        if server.usesTLS { configuration.tls = try authorities(resolved.authorities) }
        configuration.userAgent = "ragdz-cli/0.1.0"
        if let key = resolved.key { configuration.metadata.add("authorization", "Bearer \(key)") }
        configuration.metadata.add("accept-language", language)
        var logger = Logger(label: "ragdz")
        logger.logLevel = .critical
        let client = RPCClient(server.target, configuration: configuration, group: group, logger: logger)
        var options = CallOptions.defaults
        if let seconds = connection.timeout { options = CallOptions(timeout: .seconds(seconds)) }
        let session = Session(client: client, options: options, address: resolved.address)
        let outcome: Result<Void, any Error>
        do {
            try await body(session)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await client.close()
        try? await group.shutdownGracefully()
        do { try outcome.get() } catch let failure as Failure { throw failure } catch let status as Status {
            throw Failure(status, address: resolved.address, asJSON: connection.json)
        }
    }

    /// The language of this terminal, for messages that people read.
    private static var language: String {
        let environment = ProcessInfo.processInfo.environment
        // A variable that is set to nothing counts as one that is not set.
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let code = String(locale.prefix(2))
        return ["fr", "ar", "en"].contains(code) ? code : "en"
    }

    private static func authorities(_ file: String?) throws -> TLSContext {
        do { return try TLSContext(.client, TLSConfiguration(authorityFile: file)) } catch {
            throw Failure.usage("The authorities in \(file ?? "the system's folder") cannot be read: \(error)")
        }
    }
}

/// An address as people write it. A key never crosses a network in plain text unless they say so.
struct ServerAddress {
    let target: RPCClient.Target
    let usesTLS: Bool

    init(_ address: String) throws {
        var text = address[...]
        if text.hasPrefix("unix:") {
            target = .unixSocket(path: String(text.dropFirst(5)))
            usesTLS = false
            return
        }
        var scheme: Bool?
        for (prefix, isTLS) in [("http://", false), ("https://", true)] where text.hasPrefix(prefix) {
            text = text.dropFirst(prefix.count)
            scheme = isTLS
        }
        if text.hasSuffix("/") { text = text.dropLast() }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port), colon > text.startIndex
        else { throw Failure.usage("\(address) is no address: write host:port.") }
        let host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        target = .host(host, port: port)
        usesTLS = scheme ?? !(host == "localhost" || host == "::1" || host.hasPrefix("127."))
    }
}
