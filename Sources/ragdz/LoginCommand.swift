internal import ArgumentParser
internal import Foundation
internal import RPC
internal import Schema

/// Saves an address and a key under a name.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Saves the address and the key for the commands that follow.",
        discussion: "The key is asked for, or read from standard input with --key -, so that it stays out of `ps`.")

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Save without asking the server whether it takes the key.")
    var unchecked = false

    func run() async throws {
        var connection = connection
        let address = connection.address ?? ConnectionOptions.defaultAddress
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
        file.profiles[name] = ProfileFile.Profile(address: address, key: key, authorities: connection.ca)
        file.current = name
        try file.save()
        Terminal.complain("Saved profile \(name) for \(address) in \(ProfileFile.path.path).")
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
