internal import ProtoRuntime

/// How a message of a stream appears as an event: its name and, where the stream has its own numbers, its number.
protocol StreamEvent: Message {
    var eventName: String { get }
    /// Nil: the bridge counts from 1.
    var eventNumber: Int64? { get }
}
