import ProtoRuntime
import RPC

/// Requests that name what is somebody else's, in every field that can name anything.
struct RandomRequest {
    let shapes: MessageShapes
    /// Who asks, and whom it is asked about.
    let own: IsolationTenant
    let others: [IsolationTenant]

    /// One message, or for a method that streams requests some of them, in wire form.
    func messages(for method: MethodDescriptor) -> [[UInt8]] {
        let type = method.requestType.protoMessageName
        guard method.callType.streamsRequests else { return [message(type, method, depth: 0)] }
        return (0..<Int.random(in: 1...4)).map { _ in message(type, method, depth: 0) }
    }

    private func message(_ type: String, _ method: MethodDescriptor, depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if type == "google.protobuf.Struct" {
            // {"topic": …, "collection": …}, as the built-in workflow takes it. Elsewhere it is stored as it is, so it
            // names nothing of others.
            let isInput = method.service.hasSuffix("Workflows")
            let named = isInput ? id("collection", mayBeOther: false) : own.ids["collection"] ?? ""
            for (key, text) in [("topic", "canary"), ("collection", named)] {
                var entry: [UInt8] = []
                Wire.append(1, bytes: Array(key.utf8), to: &entry)
                var value: [UInt8] = []
                Wire.append(3, bytes: Array(text.utf8), to: &value)
                Wire.append(2, bytes: value, to: &entry)
                Wire.append(1, bytes: entry, to: &bytes)
            }
            return bytes
        }
        for field in shapes.messages[type] ?? [] {
            // Most fields are set, since an empty one is refused early.
            guard Int.random(in: 0..<10) > (depth == 0 ? 0 : 2) else { continue }
            for _ in 0..<(field.isRepeated ? Int.random(in: 0...3) : 1) { append(field, method, depth, to: &bytes) }
        }
        return bytes
    }

    private func append(_ field: MessageShapes.Field, _ method: MethodDescriptor, _ depth: Int, to bytes: inout [UInt8])
    {
        switch field.type {
        case 9: Wire.append(field.number, bytes: Array(text(field.name, method).utf8), to: &bytes)
        case 12: Wire.append(field.number, bytes: Array("The canary sings.".utf8), to: &bytes)
        case 11:
            guard depth < 4 else { return }
            Wire.append(field.number, bytes: message(field.typeName, method, depth: depth + 1), to: &bytes)
        case 1, 2, 6, 7, 15, 16: return
        case 8: Wire.append(field.number, varint: UInt64.random(in: 0...1), to: &bytes)
        default:
            let values: [UInt64] = [0, 1, 2, 3, 5, 50, 1000, UInt64(UInt32.max), UInt64(bitPattern: -1)]
            Wire.append(field.number, varint: values.randomElement() ?? 0, to: &bytes)
        }
    }

    private func text(_ name: String, _ method: MethodDescriptor) -> String {
        switch name {
        case "page_token": return any { $0.tokens.randomElement() ?? "" }
        case "collection", "collections", "collection_id": return id("collection")
        case "conversation_id": return id("conversation")
        case "baseline_run_id": return id("measure")
        case "document_ids": return method.name == "GiveFeedback" ? id("document") : own.ids["document"] ?? ""
        case "tenant_id", "tenant": return id("tenant")
        case "workflow": return ["brief", id("workflow")].randomElement() ?? "brief"
        case "scopes": return ["*", "retrieval.read", "keys.write", "workflows.*", "-"].randomElement() ?? "*"
        case "paths": return ["name", "settings", "plan", "id", "timezone"].randomElement() ?? "name"
        case "step_id": return ["approve", "search", "draft"].randomElement() ?? "approve"
        case "member_id": return id("member")
        case "email":
            // Where it is stored it is the own canary.
            let whose = method.name == "Login" ? any { $0.canary } : own.canary
            return "\(whose)@example.dz"
        case "token": return "ragdz_invite_\(hex(id("invitation")))_\(String(repeating: "0", count: 64))"
        case "refresh_token":
            return "ragdz_refresh_\(hex(id("session")))_000000010000000170000000_\(String(repeating: "0", count: 64))"
        case "query", "question": return "What is the secret of the canary?"
        case "id":
            // Who destroys its own things has nothing left to be compared with.
            let destroys = ["Delete", "Revoke", "Rotate", "End", "Cancel", "Update", "Remove", "Change", "Reset"]
                .contains {
                    method.name.hasPrefix($0)
                }
            if method.name == "ResetPassword" { return id("member", mayBeOwn: false) }
            if method.name.contains("EvalRun"), !method.name.hasPrefix("List") {
                return id("measure", mayBeOwn: !destroys)
            }
            if method.name.contains("Conversation") || method.name == "ListTurns" {
                return id("conversation", mayBeOwn: !destroys)
            }
            if method.name.contains("Eval") || method.name.contains("Feedback") {
                return id("questions", mayBeOwn: !destroys)
            }
            for kind in ["Tenant", "Key", "Collection", "Document", "Ingest", "Run", "Member", "Invitation", "Session"]
            where method.name.contains(kind) {
                return id(kind.lowercased(), mayBeOwn: !destroys)
            }
            return id(method.name == "Approve" ? "run" : IsolationTenant.kinds.randomElement() ?? "run")
        default:
            // Nothing of others: it would be stored, and come back as the caller's own.
            return [
                own.canary, "brief", "canary.txt", "text/plain", "en", "x'; drop table ragdz.tenants; --", "",
                String(repeating: "ع", count: 3000), "\u{0}", own.ids.values.randomElement() ?? "",
            ].randomElement() ?? ""
        }
    }

    private func hex(_ id: String) -> String { id.filter { $0 != "-" } }

    /// An id of that kind: mostly somebody else's, sometimes the caller's, nobody's, or none at all.
    private func id(_ kind: String, mayBeOwn: Bool = true, mayBeOther: Bool = true) -> String {
        switch Int.random(in: 0..<20) {
        case 0: "00000000-0000-0000-0000-000000000000"
        case 1: "me"
        case 2, 3: IsolationTenant.absent().ids[kind] ?? ""
        case 4...8 where mayBeOwn: own.ids[kind] ?? ""
        // The right form, the wrong kind.
        case 9 where mayBeOther: others.randomElement()?.ids.values.randomElement() ?? ""
        default: others.randomElement()?.ids[kind] ?? ""
        }
    }

    private func any(_ choose: (IsolationTenant) -> String) -> String {
        Int.random(in: 0..<4) == 0 ? choose(own) : others.randomElement().map(choose) ?? ""
    }
}
