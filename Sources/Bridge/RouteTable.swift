internal import RPC

/// Which method of the contract answers an HTTP request. Built once from the method table, then only read.
struct RouteTable: Sendable {
    struct Entry: Sendable {
        let verb: String
        let template: PathTemplate
        let rule: HTTPRule
        let method: MethodDescriptor
    }

    enum Match: Sendable {
        case found(Entry, [PathTemplate.Binding])
        /// The path exists with other verbs: these.
        case otherVerbs([String])
        case notFound
    }

    let entries: [Entry]
    /// Methods whose rule the bridge cannot serve, by path; a test keeps it empty.
    let unsupported: [String]

    init(_ methods: [MethodDescriptor]) {
        var entries: [Entry] = []
        var unsupported: [String] = []
        for method in methods {
            guard let first = method.http else { continue }
            for rule in [first] + first.additional {
                if let template = PathTemplate(rule.template), method.callType != .bidirectional {
                    entries.append(Entry(verb: rule.verb, template: template, rule: rule, method: method))
                } else {
                    unsupported.append(method.path)
                }
            }
        }
        // A template with a verb is the more specific one: `/v1/runs/x:approve` also fits `/v1/runs/{id}`.
        self.entries = entries.filter { $0.template.verb != nil } + entries.filter { $0.template.verb == nil }
        self.unsupported = unsupported
    }

    func match(verb: String, path: Substring) -> Match {
        let verb = verb == "HEAD" ? "GET" : verb
        var others: [String] = []
        var matchedVerbTemplate = false
        for entry in entries {
            if matchedVerbTemplate, entry.template.verb == nil { break }
            guard let bindings = entry.template.match(path) else { continue }
            if entry.verb == verb { return .found(entry, bindings) }
            if !others.contains(entry.verb) { others.append(entry.verb) }
            matchedVerbTemplate = entry.template.verb != nil
        }
        return others.isEmpty ? .notFound : .otherVerbs(Self.withImplied(others))
    }

    /// The verbs to name in `Allow`.
    private static func withImplied(_ verbs: [String]) -> [String] {
        verbs + (verbs.contains("GET") ? ["HEAD"] : []) + ["OPTIONS"]
    }
}
