internal import Schema

extension Ragdz_V1_RunEvent: StreamEvent {
    var eventName: String { type }
    var eventNumber: Int64? { sequence }
}

/// The name is that of the state, so that a page can listen to the end alone.
extension Ragdz_V1_Ingest: StreamEvent {
    var eventName: String {
        switch state {
        case .pending: "pending"
        case .running: "running"
        case .succeeded: "succeeded"
        case .failed: "failed"
        case .cancelled: "cancelled"
        default: "message"
        }
    }
    var eventNumber: Int64? { nil }
}

extension Ragdz_V1_AskEvent: StreamEvent {
    var eventName: String {
        switch event {
        case .sources: "sources"
        case .text: "text"
        case .citation: "citation"
        case .abstention: "abstention"
        case .usage: "usage"
        case nil: "message"
        }
    }
    var eventNumber: Int64? { nil }
}
