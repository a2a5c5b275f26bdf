internal import Schema

extension Ragdz_V1_RunEvent: StreamEvent {
    var eventName: String { type }
    var eventNumber: Int64? { sequence }
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
