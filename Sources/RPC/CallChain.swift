/// The interceptors of a router in their order, and the journal of its streams. An object, since every call holds it: a
/// router's parts would be counted one by one.
package final class CallChain: Sendable {
    /// One interceptor, and what it stands around.
    private final class Link: Sendable {
        let interceptor: any ServerInterceptor
        let check: (any ServerCheck)?
        let next: Link?

        init(_ interceptor: any ServerInterceptor, next: Link?) {
            self.interceptor = interceptor
            check = interceptor as? any ServerCheck
            self.next = next
        }
    }

    let interceptors: [any ServerInterceptor]
    let journal: (any StreamJournal)?
    private let first: Link?

    init(_ interceptors: [any ServerInterceptor], _ journal: (any StreamJournal)?) {
        self.interceptors = interceptors
        self.journal = journal
        first = interceptors.reversed().reduce(nil) { Link($1, next: $0) }
    }

    /// Runs a call through the interceptors and its handler.
    package func run(_ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws {
        if first == nil, !route.isResumable { return try await route.handler(call, context) }
        try await run(first, route, call, context)
    }

    private func run(_ first: Link?, _ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws {
        var link = first
        while let current = link {
            if let check = current.check {
                try check.check(context)
            } else if current.interceptor.concerns(route.method) {
                return try await current.interceptor.intercept(context) { context in
                    try await run(current.next, route, call, context)
                }
            }
            link = current.next
        }
        guard let watch = context.watch else { return try await handle(route, call, context) }
        try await run(route, call, context, watchedBy: watch)
    }

    private func handle(_ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws {
        if route.isResumable { return try await runResumably(route, call, context) }
        try await route.handler(call, context)
    }

    private enum Part: Sendable { case handler, watch }

    /// Runs the handler of a call until it ends or the watch throws; the handler's task is cancelled then.
    private func run(
        _ route: Route, _ call: any ServerCall, _ context: ServerContext,
        watchedBy watch: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask {
                try await watch()
                return .watch
            }
            group.addTask {
                try await self.handle(route, call, context)
                return .handler
            }
            while let ended = try await group.next(), ended != .handler {}
            group.cancelAll()
        }
    }
}
