internal import ArgumentParser
internal import Foundation
internal import RPC
internal import Schema

/// Saves an address and a key, or a person's session, under a name.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Saves the address and the key for the commands that follow.",
        discussion: """
            A person: ragdz login --tenant atlas --email amina@example.dz. The password is asked for, or is the first line \
            of standard input.
            A program: ragdz login. The key is asked for, or read from standard input with --key -, so that it stays out \
            of `ps`.
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Save without asking the server whether it takes the key.")
    var unchecked = false
    @Option(help: "Slug of the tenant, for a person.")
    var tenant: String?
    @Option(help: "Address of the person who logs in.")
    var email: String?

    func validate() throws {
        if (tenant == nil) != (email == nil) { throw ValidationError("--tenant and --email belong together.") }
        if email != nil, connection.key != nil { throw ValidationError("Log in with --email or with --key.") }
    }

    func run() async throws {
        if let tenant, let email { return try await logIn(tenant, email) }
        var connection = connection
        let (address, authorities) = connection.forLogin
        let name = connection.profile ?? "default"
        _ = try ServerAddress(address)
        let key = try key(connection.key)
        connection.address = address
        connection.key = key
        connection.profile = nil
        if !unchecked {
            try await Session.run(connection) { session in
                try await Self.check(session)
            }
        }
        var file = try ProfileFile.load()
        file.profiles[name] = ProfileFile.Profile(address: address, key: key, authorities: authorities)
        file.current = name
        try file.save()
        Terminal.complain("Saved profile \(name) for \(address) in \(ProfileFile.path.path).")
    }

    private func logIn(_ tenant: String, _ email: String) async throws {
        let (address, authorities) = connection.forLogin
        let name = connection.profile ?? "default"
        var request = Ragdz_V1_LoginRequest()
        request.tenant = tenant
        request.email = email
        request.password = try PasswordPrompt.read("Password")
        var resolved = ConnectionOptions.Resolved(address: address)
        resolved.authorities = authorities
        try await Session.run(resolved, connection) { [request] session in
            let tokens = try await Ragdz_V1_Members.Client(session.client).login(request, options: session.options)
            try SavedSession.save(tokens, profile: name, address: address, authorities: authorities)
            let role = Terminal.name(tokens.member?.role ?? .unspecified, dropping: "ROLE_")
            Terminal.complain("Logged in as \(tokens.member?.email ?? "") (\(role)); saved as profile \(name).")
        }
    }

    /// A tenant's key reads its own tenant, an operator lists; a key without that scope was still recognised.
    private static func check(_ session: Session) async throws {
        let tenants = Ragdz_V1_Tenants.Client(session.client)
        do {
            var request = Ragdz_V1_ListTenantsRequest()
            request.pageSize = 1
            _ = try await tenants.listTenants(request, options: session.options)
        } catch let status as Status where status.code == .permissionDenied {
            return
        }
    }

    private func key(_ given: String?) throws -> String {
        let text: String?
        if let given, given != "-" {
            text = given
        } else if given == nil, isatty(STDIN_FILENO) == 1 {
            text = String(cString: getpass("Key: "))
        } else {
            text = readLine(strippingNewline: true)
        }
        let key = (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard !key.isEmpty else { throw Failure.usage("Give a key.") }
        return key
    }
}

/// Ends the session that `ragdz login` saved, on the server and here.
struct LogoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Ends the saved session, or forgets the saved key.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var file = try ProfileFile.load()
        let name = connection.profile ?? file.current
        guard let saved = file.profiles[name] else { throw Failure.usage("There is no profile \(name).") }
        if saved.refresh != nil {
            var connection = connection
            connection.profile = name
            do {
                try await Session.run(connection) { session in
                    _ = try await Ragdz_V1_Members.Client(session.client).logout(
                        Ragdz_V1_LogoutRequest(), options: session.options)
                }
            } catch let failure as Failure where failure.exitCode == .denied {
                // It had ended before.
            }
        }
        file = try ProfileFile.load()
        file.profiles[name] = nil
        try file.save()
        Terminal.complain("Profile \(name) is gone.")
    }
}
