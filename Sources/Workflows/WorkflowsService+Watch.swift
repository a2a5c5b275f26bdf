internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema

extension WorkflowsService {
    /// Events after `after_sequence`, then new ones as they happen, up to the run's last one.
    ///
    /// Numbers are given under the lock of the run's row, so events become visible in their order: reading on from
    /// the last number seen misses none and repeats none. Nothing is held in memory for a watcher, and no
    /// connection to the database while it waits.
    public func watchRun(
        _ request: Ragdz_V1_WatchRunRequest, responses: ResponseWriter<Ragdz_V1_RunEvent>, context: ServerContext
    ) async throws {
        let tenant = try context.requireTenant()
        let id = try runID(request.id)
        guard request.afterSequence >= 0 else {
            throw Status.invalidArgument(
                "after_sequence is the number of the last event seen, or 0.", reason: "AFTER_SEQUENCE",
                field: "after_sequence")
        }
        // A stream that is taken up goes on after the last event that was said in it.
        let said = try context.takeUpStream(as: Ragdz_V1_RunEvent.self)
        if let last = said?.last, RunEvent.isLast(type: last.type) { return }
        let start = said?.last?.sequence ?? request.afterSequence
        // The bell is there before the first look, so that no event falls between the two.
        try await signals.watching(id) { bell in
            var after = start
            while true {
                try Task.checkCancellation()
                let events = try await events(of: id, after: after, tenant: tenant)
                try await responses.write(contentsOf: events)
                after = events.last?.sequence ?? after
                if events.contains(where: { RunEvent.isLast(type: $0.type) }) { return }
                if events.count == Limits.eventBatch { continue }
                if events.isEmpty, try await isOver(id, after: after, tenant: tenant) { return }
                await bell.wait(atMost: watchPoll)
            }
        }
    }

    private func events(
        of run: UUID128, after: Int64, tenant: UUID128
    ) async throws -> [Ragdz_V1_RunEvent] {
        let rows = try await answering {
            try await Queries.eventsAfter(
                store.database.as(.tenant(tenant)), runID: run, afterSequence: after,
                pageSize: Int64(Limits.eventBatch))
        }
        return try rows.map { row in
            var event = Ragdz_V1_RunEvent()
            event.runID = run.description
            event.sequence = row.sequence
            event.type = row.type
            event.stepID = row.stepID
            event.time = Google_Protobuf_Timestamp(unixMicros: row.time.unixMicros)
            event.data = try Google_Protobuf_Struct(stored: row.data)
            return event
        }
    }

    /// Whether no event will come after this number. A run that ended since the events were read has more: its
    /// count tells.
    private func isOver(_ run: UUID128, after: Int64, tenant: UUID128) async throws -> Bool {
        let position = try await answering {
            try await Queries.runPosition(store.database.as(.tenant(tenant)), id: run)
        }
        guard let position else { throw Self.noRun }
        return position.status >= 3 && position.lastSequence <= after
    }
}
