internal import Bytes
internal import Logging

/// Writes each record as one line of JSON.
///
/// What must not be read by who reads logs is not given to a logger in the first place: keys print without their
/// secrets, and settings that are secret are never logged.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let label: String
    private let sink: LogSink

    init(label: String, level: Logger.Level, sink: LogSink) {
        self.label = label
        self.sink = sink
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = JSONLine()
        line.begin(level: "\(event.level)", now: WallClock.nowMicros())
        line.add("logger", label)
        line.add("message", "\(event.message)")
        if let error = event.error { line.add("error", "\(error)") }
        let all = metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 })
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line.add(key, "\(value)") }
        sink.append(line.finish())
    }
}
