internal import Foundation
internal import ProtoRuntime
internal import RPC
internal import Schema

/// The session that `ragdz login --email` saved: renewed shortly before its token is over.
enum SavedSession {
    /// Seconds before its end in which a token is renewed.
    static let margin: Int64 = 30

    /// Saves the tokens under a profile's name.
    static func save(
        _ tokens: Ragdz_V1_SessionTokens, profile name: String, address: String, authorities: String?
    ) throws {
        var file = try ProfileFile.load()
        file.profiles[name] = ProfileFile.Profile(
            address: address, key: tokens.sessionToken, authorities: authorities, refresh: tokens.refreshToken,
            expires: tokens.expireTime?.seconds)
        file.current = name
        try file.save()
    }

    /// The next token when the saved one is over or nearly so; nil when it still serves, or when the key is no session.
    static func renewed(
        _ resolved: ConnectionOptions.Resolved, _ connection: ConnectionOptions
    ) async throws -> String? {
        guard let (profile, saved) = resolved.session, let refresh = saved.refresh,
            (saved.expires ?? 0) < Int64(Date().timeIntervalSince1970) + margin
        else { return nil }
        var bare = resolved
        bare.key = nil
        let renewed = Renewed()
        try await Session.run(bare, connection) { session in
            var request = Ragdz_V1_RefreshSessionRequest()
            request.refreshToken = refresh
            let tokens = try await Ragdz_V1_Members.Client(session.client).refreshSession(
                request, options: session.options)
            try save(tokens, profile: profile, address: saved.address, authorities: saved.authorities)
            await renewed.set(tokens.sessionToken)
        }
        return await renewed.token
    }

    private actor Renewed {
        var token: String?
        func set(_ token: String) { self.token = token }
    }
}

/// Passwords are typed, or come as lines of standard input: never as arguments, which everybody on the machine can read.
enum PasswordPrompt {
    static func read(_ label: String) throws -> String {
        let text =
            isatty(STDIN_FILENO) == 1
            ? String(cString: getpass("\(label): ")) : readLine(strippingNewline: true)
        guard let text, !text.isEmpty else { throw Failure.usage("\(label) is empty.") }
        return text
    }

    /// A new password; at a terminal it is asked for twice.
    static func readNew(_ label: String) throws -> String {
        let text = try read(label)
        if isatty(STDIN_FILENO) == 1, try read("\(label) again") != text {
            throw Failure.usage("The two are not the same.")
        }
        return text
    }
}
