/// Prints a service: descriptors, the protocol that servers implement, the client.
struct ServicePrinter {
    let visibility: String
    let defaultPolicy: String

    func printService(_ service: ServiceModel, _ out: inout CodePrinter) {
        out.doc(service.comment)
        out.block("\(visibility) enum \(service.swiftName)") { out in
            let names = service.methods.map { "Methods.\(Naming.escaped($0.swiftName))" }
            out.line("\(visibility) static let descriptor = ServiceDescriptor(")
            out.indented { out in
                out.line("name: \(CodePrinter.literal(service.protoName)),")
                out.line("methods: [")
                out.indented { out in for name in names { out.line("\(name),") } }
                out.line("])")
            }
            out.line()
            out.block("\(visibility) enum Methods") { out in
                for method in service.methods { printDescriptor(method, service, &out) }
            }
            out.line()
            printProtocol(service, &out)
            out.line()
            printClient(service, &out)
        }
        out.line()
        printRegistration(service, &out)
    }

    private func printDescriptor(_ method: MethodModel, _ service: ServiceModel, _ out: inout CodePrinter) {
        out.line("\(visibility) static let \(Naming.escaped(method.swiftName)) = MethodDescriptor(")
        out.indented { out in
            var lines = [
                "service: \(CodePrinter.literal(service.protoName)), name: \(CodePrinter.literal(method.protoName)), "
                    + "callType: .\(method.callType)",
                "requestType: \(method.input).self, responseType: \(method.output).self",
            ]
            if let http = method.descriptor.http { lines.append("http: \(rule(http))") }
            if let policy = method.descriptor.policy {
                lines.append("policy: \(self.policy(policy))")
            } else if !defaultPolicy.isEmpty {
                lines.append("policy: .\(defaultPolicy)")
            }
            switch method.descriptor.idempotency {
            case .unknown: break
            case .noSideEffects: lines.append("idempotency: .noSideEffects")
            case .idempotent: lines.append("idempotency: .idempotent")
            }
            for line in lines.dropLast() { out.line(line + ",") }
            if let last = lines.last { out.line(last + ")") }
        }
    }

    private func rule(_ rule: HTTPRuleOption) -> String {
        var text = "HTTPRule(verb: \(CodePrinter.literal(rule.verb)), template: \(CodePrinter.literal(rule.template))"
        if !rule.body.isEmpty { text += ", body: \(CodePrinter.literal(rule.body))" }
        if !rule.responseBody.isEmpty { text += ", responseBody: \(CodePrinter.literal(rule.responseBody))" }
        if !rule.additional.isEmpty {
            text += ", additional: [\(rule.additional.map(self.rule).joined(separator: ", "))]"
        }
        return text + ")"
    }

    private func policy(_ policy: PolicyOption) -> String {
        let credential =
            switch policy.credential {
            case 1: ".tenantKey"
            case 2: ".`operator`"
            case 3: ".tenantKeyOrOperator"
            case 4: ".none"
            default: ""
            }
        // Nothing said means denied.
        if credential.isEmpty { return ".denied" }
        var text = "MethodPolicy(credential: \(credential)"
        if !policy.scope.isEmpty { text += ", scope: \(CodePrinter.literal(policy.scope))" }
        if policy.isResumable { text += ", resumable: true" }
        if !policy.costClass.isEmpty { text += ", costClass: \(CodePrinter.literal(policy.costClass))" }
        return text + ")"
    }

    private func printProtocol(_ service: ServiceModel, _ out: inout CodePrinter) {
        out.line("/// What a server of \(service.protoName) implements.")
        out.block("\(visibility) protocol ServiceProtocol: RPCService") { out in
            for method in service.methods {
                out.doc(method.comment)
                let name = Naming.escaped(method.swiftName)
                let descriptor = method.descriptor
                var parameters =
                    descriptor.streamsRequests
                    ? ["_ requests: RequestStream<\(method.input)>"] : ["_ request: \(method.input)"]
                if descriptor.streamsResponses { parameters.append("responses: ResponseWriter<\(method.output)>") }
                parameters.append("context: ServerContext")
                out.line("func \(name)(")
                out.indented { out in out.line(parameters.joined(separator: ", ")) }
                out.line(") async throws" + (descriptor.streamsResponses ? "" : " -> \(method.output)"))
            }
        }
    }

    private func printRegistration(_ service: ServiceModel, _ out: inout CodePrinter) {
        out.block("extension \(service.swiftName).ServiceProtocol") { out in
            out.block("\(visibility) func register(in router: inout Router)") { out in
                for method in service.methods {
                    let name = Naming.escaped(method.swiftName)
                    let descriptor = method.descriptor
                    let input = descriptor.streamsRequests ? "RequestStream<\(method.input)>" : method.input
                    let output = descriptor.streamsResponses ? "responses: ResponseWriter<\(method.output)>, " : ""
                    let argument = descriptor.streamsRequests ? "requests" : "request"
                    out.line("router.\(method.callType)(\(service.swiftName).Methods.\(name)) {")
                    out.indented { out in
                        out.line("(\(argument): \(input), \(output)context: ServerContext) in")
                        let extra = descriptor.streamsResponses ? ", responses: responses" : ""
                        out.line("try await self.\(method.swiftName)(\(argument)\(extra), context: context)")
                    }
                    out.line("}")
                }
            }
        }
    }

    private func printClient(_ service: ServiceModel, _ out: inout CodePrinter) {
        out.line("/// Calls \(service.protoName) over any channel. Every call throws `Status`.")
        out.block("\(visibility) struct Client<Channel: ClientChannel>: Sendable") { out in
            out.line("private let _channel: Channel")
            out.line()
            out.line("\(visibility) init(_ channel: Channel) { _channel = channel }")
            for method in service.methods {
                out.line()
                printCall(method, &out)
            }
        }
    }

    private func printCall(_ method: MethodModel, _ out: inout CodePrinter) {
        out.doc(method.comment)
        let name = Naming.escaped(method.swiftName)
        let descriptor = method.descriptor
        let argument = descriptor.streamsRequests ? "requests" : "request"
        let result = descriptor.streamsResponses ? "ResponseStream<\(method.output)>" : method.output
        if descriptor.streamsRequests {
            out.line("\(visibility) func \(name)<Requests: AsyncSequence & Sendable>(")
            out.indented { out in out.line("_ requests: Requests, options: CallOptions = .defaults") }
            out.line(") async throws -> \(result) where Requests.Element == \(method.input) {")
        } else {
            out.line("\(visibility) func \(name)(")
            out.indented { out in out.line("_ request: \(method.input), options: CallOptions = .defaults") }
            out.line(") async throws -> \(result) {")
        }
        out.indented { out in
            out.line("try await _channel.\(method.callType)(Methods.\(name), \(argument), options: options)")
        }
        out.line("}")
    }
}
