internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

extension MembersCommand {
    struct Invitations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists invitations, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListInvitationsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listInvitations(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "STATUS", "ROLE", "UNTIL", "EMAIL"],
                    page.invitations.map {
                        [
                            $0.id, Terminal.name($0.status, dropping: "INVITATION_STATUS_"), role($0.role),
                            Terminal.date($0.expireTime), $0.email,
                        ]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Uninvite: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes an invitation back.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the invitation.") var id: String

        func run() async throws {
            var request = Ragdz_V1_RevokeInvitationRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                let gone = try await Client(session.client).revokeInvitation(request, options: session.options)
                if json { return try Terminal.printJSON(gone) }
                Terminal.complain("The invitation of \(gone.email) is taken back.")
            }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token that sets a new password for a member, and prints it once.",
            discussion: "The member runs `ragdz members accept` with it; its sessions end then.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the member.") var id: String
        @Option(help: "Days until it is over, 1 to 30.") var days: Int64 = 7

        func run() async throws {
            var request = Ragdz_V1_ResetPasswordRequest()
            request.id = id
            request.ttl = Google_Protobuf_Duration(seconds: days * 86_400)
            try await Session.run(connection) { [request, json = connection.json] session in
                let made = try await Client(session.client).resetPassword(request, options: session.options)
                if json { return try Terminal.printJSON(made) }
                let end = Terminal.date(made.invitation?.expireTime)
                Terminal.complain("For \(made.invitation?.email ?? ""), good until \(end). Shown once:")
                Terminal.write(made.token + "\n")
            }
        }
    }

    struct Me: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows who is logged in.")
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try await Session.run(connection) { [json = connection.json] session in
                let me = try await Client(session.client).getAccount(
                    Ragdz_V1_GetAccountRequest(), options: session.options)
                if json { return try Terminal.printJSON(me) }
                try show(me.member ?? Ragdz_V1_Member(), json: false)
                Terminal.fields([("tenant", "\(me.tenantSlug) \(me.tenantID)")])
            }
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes your password and ends your other sessions.",
            discussion: "Without a terminal the current and the new one are two lines of standard input.")
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            var request = Ragdz_V1_ChangePasswordRequest()
            request.currentPassword = try PasswordPrompt.read("Current password")
            request.newPassword = try PasswordPrompt.readNew("New password")
            try await Session.run(connection) { [request] session in
                _ = try await Client(session.client).changePassword(request, options: session.options)
                Terminal.complain("The password is changed; other sessions have ended.")
            }
        }
    }

    struct Sessions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists live sessions, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "Another member's id; your own when left out.") var member = ""

        func run() async throws {
            var request = Ragdz_V1_ListSessionsRequest()
            request.memberID = member
            try await Session.run(connection) { [request, json = connection.json] session in
                let list = try await Client(session.client).listSessions(request, options: session.options)
                if json { return try Terminal.printJSON(list) }
                Terminal.table(
                    ["ID", "BEGAN", "REFRESHED", "FROM", ""],
                    list.sessions.map {
                        [
                            $0.id, Terminal.date($0.createTime), Terminal.date($0.refreshTime), $0.peer,
                            $0.current ? "this one" : "",
                        ]
                    })
            }
        }
    }

    struct EndSession: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a session.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the session.") var id: String

        func run() async throws {
            var request = Ragdz_V1_RevokeSessionRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                let ended = try await Client(session.client).revokeSession(request, options: session.options)
                if json { return try Terminal.printJSON(ended) }
                Terminal.complain("Session \(ended.id) is ended.")
            }
        }
    }
}
