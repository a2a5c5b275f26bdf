internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "The people of a tenant, their invitations and sessions.",
        subcommands: [
            Invite.self, Accept.self, List.self, Role.self, Remove.self, Invitations.self, Uninvite.self, Reset.self,
            Me.self,
            Password.self, Sessions.self, EndSession.self,
        ])

    typealias Client = Ragdz_V1_Members.Client

    static func show(_ member: Ragdz_V1_Member, json: Bool) throws {
        if json { return try Terminal.printJSON(member) }
        Terminal.fields([
            ("id", member.id), ("email", member.email), ("name", member.name), ("role", role(member.role)),
            ("joined", Terminal.date(member.createTime)), ("last login", Terminal.date(member.lastLoginTime)),
        ])
    }

    static func role(_ role: Ragdz_V1_Role) -> String { Terminal.name(role, dropping: "ROLE_") }

    static func role(_ text: String) throws -> Ragdz_V1_Role {
        guard let role: Ragdz_V1_Role = Terminal.value(text, prefix: "ROLE_"), role != .unspecified else {
            throw Failure.usage("The role \(text) is unknown: viewer, member, admin or owner.")
        }
        return role
    }

    struct Invite: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an invitation and prints its token once.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var email: String
        @Option(help: "viewer, member, admin or owner; at most your own.") var role = "member"
        @Option(help: "Days until it is over, 1 to 30.") var days: Int64 = 7
        @Option(help: "Id of the tenant, for operators.") var tenant = ""

        func run() async throws {
            var request = Ragdz_V1_InviteMemberRequest()
            request.email = email
            request.role = try MembersCommand.role(role)
            request.ttl = Google_Protobuf_Duration(seconds: days * 86_400)
            request.tenantID = tenant
            try await Session.run(connection) { [request, json = connection.json] session in
                let made = try await Client(session.client).inviteMember(request, options: session.options)
                if json { return try Terminal.printJSON(made) }
                let end = Terminal.date(made.invitation?.expireTime)
                Terminal.complain("Invitation for \(made.invitation?.email ?? ""), open until \(end). Shown once:")
                Terminal.write(made.token + "\n")
            }
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Joins a tenant, or sets a new password: asks for the token and a password.",
            discussion: "Without a terminal they are the first and the second line of standard input.")
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "Your name; the address when left out.") var name = ""

        func run() async throws {
            var request = Ragdz_V1_AcceptInvitationRequest()
            request.token = try PasswordPrompt.read("Invitation")
            request.password = try PasswordPrompt.readNew("New password")
            request.name = name
            try await Session.run(connection) { [request, json = connection.json] session in
                let joined = try await Client(session.client).acceptInvitation(request, options: session.options)
                if json { return try Terminal.printJSON(joined) }
                let email = joined.member?.email ?? ""
                Terminal.complain("Joined. Log in: ragdz login --tenant \(joined.tenantSlug) --email \(email)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the members.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListMembersRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listMembers(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "ROLE", "LAST LOGIN", "EMAIL", "NAME"],
                    page.members.map { [$0.id, role($0.role), Terminal.date($0.lastLoginTime), $0.email, $0.name] })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Role: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes a member's role.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Argument(help: "viewer, member, admin or owner; at most your own.") var role: String

        func run() async throws {
            var request = Ragdz_V1_ChangeMemberRoleRequest()
            request.id = id
            request.role = try MembersCommand.role(role)
            try await Session.run(connection) { [request, json = connection.json] session in
                let member = try await Client(session.client).changeMemberRole(request, options: session.options)
                try show(member, json: json)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Erases a member and ends its sessions.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_RemoveMemberRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).removeMember(request, options: session.options), json: json)
            }
        }
    }
}
