internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

// How the state of a run lies in columns.

extension RunState {
    /// The numbers of RunStatus, and why the run stops (0 when it does not).
    func columns(in graph: Graph) -> (status: Int, stopping: Int, error: String) {
        switch phase {
        case .active: (isWaiting(in: graph) ? 2 : 1, 0, "")
        case .stopping(let ending): (1, ending.status, ending.error)
        case .ended(let ending): (ending.status, 0, ending.error)
        }
    }
}

extension RunState.Ending {
    var status: Int {
        switch self {
        case .succeeded: 3
        case .failed: 4
        case .cancelled: 5
        }
    }

    var error: String {
        switch self {
        case .succeeded: ""
        case .failed(let text), .cancelled(let text): text
        }
    }

    init?(status: Int, error: String) {
        switch status {
        case 3: self = .succeeded
        case 4: self = .failed(error)
        case 5: self = .cancelled(error)
        default: return nil
        }
    }
}

extension RunState.Phase {
    init(status: Int, stopping: Int, error: String) {
        if let ending = RunState.Ending(status: status, error: error) {
            self = .ended(ending)
        } else if let ending = RunState.Ending(status: stopping, error: error) {
            self = .stopping(ending)
        } else {
            self = .active
        }
    }
}

extension RunState.StepRecord {
    init(row: Queries.StepStatesRow) throws {
        guard let phase = RunState.StepPhase(rawValue: row.status) else {
            throw Status.dataLoss("A step has a status that this version does not know.", reason: "RUN_DAMAGED")
        }
        self.phase = phase
        attempts = row.attempts
        failures = row.failures
        losses = row.losses
        leaseEpoch = row.leaseEpoch
        outputBytes = row.outputBytes
        error = row.error
    }
}

extension RunState.Due {
    /// As `updateSteps` takes it.
    var micros: Int64 {
        switch self {
        case .never: -1
        case .unchanged: -2
        case .after(let micros): max(micros, 0)
        }
    }
}

/// Changed steps, column by column: one statement writes them all.
struct StepColumns {
    var ids: [String] = []
    var phases: [Int64] = []
    var attempts: [Int64] = []
    var failures: [Int64] = []
    var losses: [Int64] = []
    var errors: [String] = []
    var due: [Int64] = []

    init(_ changes: RunState.Changes, of run: RunStore.LockedRun) {
        for (place, due) in changes.steps.sorted(by: { $0.key < $1.key }) {
            let record = run.state.steps[place]
            ids.append(run.graph.steps[place].id)
            phases.append(Int64(record.phase.rawValue))
            attempts.append(Int64(record.attempts))
            failures.append(Int64(record.failures))
            losses.append(Int64(record.losses))
            errors.append(record.error)
            self.due.append(due.micros)
        }
    }
}

// MARK: - Messages as jsonb

extension PostgresJSON {
    /// The message as proto3 JSON.
    init(storing message: some Message) throws {
        do { self.init(try message.jsonString()) } catch {
            throw Status.invalidArgument("The value cannot be written as JSON: \(error).", reason: "NOT_JSON")
        }
    }
}

extension Message {
    init(stored json: PostgresJSON) throws {
        do { try self.init(json: Array(json.text.utf8)) } catch {
            throw Status.dataLoss(
                "A stored \(Self.protoMessageName) cannot be read: \(error).", reason: "RUN_DAMAGED")
        }
    }
}
