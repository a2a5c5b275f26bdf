import Bytes
import ProtoRuntime

/// Resumable streams: kept in a journal, or run again where there is none.
extension CallChain {
    func runResumably(_ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws {
        let resumption = context.scope.resumption
        if resumption == .unsupported { return try await route.handler(call, context) }
        guard let journal else { return try await runAgain(route, call, context) }
        guard let tenant = journal.keeper(of: context.identity) else {
            guard resumption == .fresh else { throw Status.notResumable }
            return try await route.handler(call, context)
        }
        guard case .after(let position) = resumption else {
            let name = StreamName(tenant: tenant, id: .v4(), method: route.method.path)
            return try await run(route, JournaledCall(call, journal, name, context.scope), context)
        }
        let name = StreamName(tenant: tenant, id: position.stream, method: route.method.path)
        let record = try await journal.resume(name, request: call.requestBytes(), after: position.lastSequence)
        try Self.check(position, against: record)
        context.scope.addInitialMetadata(["ragdz-stream-id": name.id.description])
        let rest = record.messages.dropFirst(Int(clamping: position.lastSequence + 1 - record.firstSequence))
        for message in rest { try await JournaledCall.pass(message, to: call) }
        if let end = record.end {
            guard let end = StreamEnd(wire: end) else { throw Status.streamChanged }
            context.scope.addTrailers(end.metadata)
            guard end.status.isOK else { throw end.status }
            return
        }
        let said = SaidBefore(record.messages)
        var context = context
        context.said = said
        let journaled = JournaledCall(call, journal, name, context.scope, after: record, said: said)
        try await run(route, journaled, context)
    }

    private func run(_ route: Route, _ call: JournaledCall, _ context: ServerContext) async throws {
        do { try await route.handler(call, context) } catch {
            // That the journal cannot be told of it must not hide what went wrong.
            try? await call.finish(Status(wrapping: error))
            throw error
        }
        try await call.finish(.ok)
    }

    /// What the client has must be what was said; tells it apart where the messages are still there.
    private static func check(_ position: StreamPosition, against record: StreamRecord) throws {
        guard let expected = position.check, record.firstSequence == 1 else { return }
        var check = StreamCheck()
        for message in record.messages.prefix(Int(clamping: position.lastSequence)) { check.add(message) }
        guard check.value == expected else { throw Status.streamChanged }
    }

    // MARK: - Without a journal

    private func runAgain(_ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws {
        let id = try Self.id(of: route.method.path, request: call.requestBytes())
        context.scope.addInitialMetadata(["ragdz-stream-id": id.description])
        guard case .after(let position) = context.scope.resumption else {
            return try await route.handler(call, context)
        }
        guard position.stream == id else { throw Status.streamRequestDiffers }
        let repeated = RepeatedCall(call, after: position)
        try await route.handler(repeated, context)
        try repeated.finish()
    }

    /// Names a stream by what it is made from, so that any server can tell whether a request is the same: a digest
    /// against mix-ups, not against forgers, who would only mislead themselves.
    static func id(of path: String, request: [UInt8]) -> UUID128 {
        func digest(_ seed: UInt64) -> UInt64 {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
            for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            for byte in request { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            return hash ^ hash >> 29
        }
        return UUID128(hi: digest(0), lo: digest(0x9e37_79b9_7f4a_7c15))
    }
}
