internal import ProtoRuntime

/// What happened in a run. The store numbers these 1, 2, 3… in the order in which they are given.
enum RunEvent: Sendable, Hashable {
    case runStarted(workflow: String, version: Int)
    case stepReady(String)
    case stepStarted(String, attempt: Int)
    case stepSucceeded(String)
    case stepFailed(String, reason: String, message: String)
    case stepRetrying(String, reason: String, message: String, pauseMicros: Int64)
    case approvalWaiting(String)
    case approvalDecided(String, Decision)
    case timerWaiting(String, delayMicros: Int64)
    case timerFired(String)
    case runCancelling(reason: String)
    case runSucceeded
    case runFailed(error: String)
    case runCancelled(reason: String)

    /// The name in the public contract.
    var type: String {
        switch self {
        case .runStarted: "run.started"
        case .stepReady: "step.ready"
        case .stepStarted: "step.started"
        case .stepSucceeded: "step.succeeded"
        case .stepFailed: "step.failed"
        case .stepRetrying: "step.retrying"
        case .approvalWaiting: "approval.waiting"
        case .approvalDecided: "approval.decided"
        case .timerWaiting: "timer.waiting"
        case .timerFired: "timer.fired"
        case .runCancelling: "run.cancelling"
        case .runSucceeded: "run.succeeded"
        case .runFailed: "run.failed"
        case .runCancelled: "run.cancelled"
        }
    }

    /// Whether nothing follows an event of this type.
    static func isLast(type: String) -> Bool {
        type == "run.succeeded" || type == "run.failed" || type == "run.cancelled"
    }

    /// The step that it is about; empty when it is about the run.
    var stepID: String {
        switch self {
        case .stepReady(let id), .stepStarted(let id, _), .stepSucceeded(let id), .stepFailed(let id, _, _),
            .stepRetrying(let id, _, _, _), .approvalWaiting(let id), .approvalDecided(let id, _),
            .timerWaiting(let id, _), .timerFired(let id):
            id
        case .runStarted, .runCancelling, .runSucceeded, .runFailed, .runCancelled: ""
        }
    }

    /// What is told beside type and step.
    var data: Google_Protobuf_Struct {
        switch self {
        case .runStarted(let workflow, let version):
            ["workflow": .string(workflow), "version": .number(Double(version))]
        case .stepStarted(_, let attempt):
            ["attempt": .number(Double(attempt))]
        case .stepFailed(_, let reason, let message):
            ["reason": .string(reason), "error": .string(message)]
        case .stepRetrying(_, let reason, let message, let pause):
            [
                "reason": .string(reason), "error": .string(message),
                "delaySeconds": .number(Double(pause) / 1_000_000),
            ]
        case .approvalDecided(_, let decision):
            decision.output
        case .timerWaiting(_, let delay):
            ["delaySeconds": .number(Double(delay) / 1_000_000)]
        case .runCancelling(let reason), .runCancelled(let reason):
            ["reason": .string(reason)]
        case .runFailed(let error):
            ["error": .string(error)]
        case .stepReady, .stepSucceeded, .approvalWaiting, .timerFired, .runSucceeded:
            [:]
        }
    }
}

/// What somebody decided about an approval. It is the output of the step.
struct Decision: Sendable, Hashable {
    var approved: Bool
    var comment: String
    /// The id of the key that decided.
    var decidedBy: String

    var output: Google_Protobuf_Struct {
        [
            "approved": .bool(approved), "comment": .string(comment), "decidedBy": .string(decidedBy),
        ]
    }
}
