internal import CPQ
internal import Glibc

/// One libpq connection. This is the only file that calls libpq on it; no pointer leaves it.
///
/// Sendable by confinement: the helper thread that opens it hands it over to the event loop, and from then on only
/// the loop calls it (a `Canceller` is a copy of its address and key, made for other threads).
@safe final class LibPQ: @unchecked Sendable {
    enum Progress { case wantsRead, wantsWrite, connected, failed }

    /// What came back for a command of the pipeline.
    enum Reply {
        case rows(ResultRows)
        case failed(PostgresError, fatal: Bool)
        /// The command was skipped, because an earlier one of its unit had failed.
        case skipped
        case sync
        /// Nothing more comes for the current command.
        case endOfCommand
    }

    private let connection: OpaquePointer
    private var finished = false
    private let ending = Ending()

    /// Starts to connect. May block in name lookup and in reading password files: call it on a helper thread.
    init?(keywords: [(String, String)]) {
        let names = keywords.map(\.0)
        let values = keywords.map(\.1)
        let started = unsafe withCStrings(names) { names in
            unsafe withCStrings(values) { values in unsafe PQconnectStartParams(names, values, 1) }
        }
        guard let started = unsafe started else { return nil }
        unsafe connection = unsafe started
        // libpq would print notices to standard error. What the server says when it ends an idle connection comes as one.
        _ = unsafe PQsetNoticeReceiver(
            connection, { ending, notice in unsafe Ending.note(notice, for: ending) },
            Unmanaged.passUnretained(ending).toOpaque())
    }

    /// Whether the server has said, unasked, that this connection ends. Its word may be here before the end itself.
    var isEnding: Bool { ending.isAnnounced }

    /// Told by libpq's callback, on the thread that calls libpq. `LibPQ` owns it and ends the connection before it goes,
    /// so the unretained reference that libpq holds is good for as long as libpq may use it.
    @safe private final class Ending {
        private(set) var isAnnounced = false

        static func note(_ notice: OpaquePointer?, for reference: UnsafeMutableRawPointer?) {
            guard let notice = unsafe notice, let reference = unsafe reference else { return }
            let severity = unsafe PQresultErrorField(notice, Int32(UInt8(ascii: "V")))
            guard let severity = unsafe severity.map({ unsafe String(cString: $0) }) else { return }
            if severity == "FATAL" || severity == "PANIC" {
                unsafe Unmanaged<Ending>.fromOpaque(reference).takeUnretainedValue().isAnnounced = true
            }
        }
    }

    deinit { finish() }

    /// Closes the connection; the object must not be used any more.
    func finish() {
        guard !finished else { return }
        finished = true
        unsafe PQfinish(connection)
    }

    var descriptor: Int32 { finished ? -1 : unsafe PQsocket(connection) }
    var isBroken: Bool { unsafe PQstatus(connection) == CONNECTION_BAD }
    var backendProcess: Int32 { unsafe PQbackendPID(connection) }
    var serverVersion: Int { Int(unsafe PQserverVersion(connection)) }

    /// The last error of the connection, on one line.
    var errorMessage: String {
        let text = unsafe String(cString: PQerrorMessage(connection))
        return text.split(separator: "\n").joined(separator: " ")
    }

    func continueConnecting() -> Progress {
        switch unsafe PQconnectPoll(connection) {
        case PGRES_POLLING_READING: .wantsRead
        case PGRES_POLLING_WRITING: .wantsWrite
        case PGRES_POLLING_OK: .connected
        default: .failed
        }
    }

    /// After connecting: calls return at once from now on, and commands may follow each other without waiting.
    func enterPipelineMode() -> Bool {
        unsafe PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1
    }

    /// Only while nothing is on its way.
    func exitPipelineMode() -> Bool { unsafe PQexitPipelineMode(connection) == 1 }

    func nextResult() -> OpaquePointer? { unsafe PQgetResult(connection) }

    /// Hands bytes of a COPY to libpq, which keeps them until `flush` has sent them.
    func putCopy(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return true }
            let start = unsafe base.assumingMemoryBound(to: CChar.self)
            return unsafe PQputCopyData(connection, start, Int32(buffer.count)) == 1
        }
    }

    /// Ends the data of a COPY; a reason makes the server refuse it.
    func endCopy(reason: String?) -> Bool { unsafe PQputCopyEnd(connection, reason) == 1 }

    /// Appends the next row of a COPY without waiting.
    func getCopy(into bytes: inout [UInt8]) -> CopyRead {
        var row: UnsafeMutablePointer<CChar>? = nil
        let length = unsafe PQgetCopyData(connection, &row, 1)
        switch length {
        case 0: return .wait
        case -1: return .end
        case 1...:
            guard let row = unsafe row else { return .failed }
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(length)))
            unsafe PQfreemem(row)
            return .row
        default: return .failed
        }
    }

    func sendPrepare(name: String, sql: String) -> Bool {
        unsafe PQsendPrepare(connection, name, sql, 0, nil) == 1
    }

    /// A command without parameters, such as `commit`.
    func sendCommand(_ sql: String) -> Bool {
        unsafe PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 0) == 1
    }

    func sendPrepared(name: String, text parameter: String) -> Bool {
        unsafe parameter.withCString { text in
            unsafe withUnsafePointer(to: text as UnsafePointer<CChar>?) { values in
                unsafe PQsendQueryPrepared(connection, name, 1, values, nil, nil, 0) == 1
            }
        }
    }

    /// Results come in binary form.
    func sendPrepared(name: String, parameters: ParameterWriter) -> Bool {
        let count = parameters.slots.count
        return unsafe parameters.bytes.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: count * 2) { numbers in
                    for (index, slot) in parameters.slots.enumerated() {
                        // An empty binary value still needs an address: nil would mean NULL.
                        let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                        switch slot {
                        case .null: unsafe fill(values, numbers, index, nil, 0, 0)
                        case .text(let offset):
                            unsafe fill(values, numbers, index, base.map { unsafe $0 + offset }, 0, 0)
                        case .binary(let offset, let length):
                            unsafe fill(values, numbers, index, base.map { unsafe $0 + offset }, length, 1)
                        }
                    }
                    let lengths = numbers.baseAddress
                    let formats = unsafe lengths.map { unsafe $0 + count }
                    return unsafe PQsendQueryPrepared(
                        connection, name, Int32(count), values.baseAddress, lengths, formats, 1) == 1
                }
            }
        }
    }

    /// Ends a unit of work.
    func sendSync() -> Bool { unsafe PQpipelineSync(connection) == 1 }

    /// True when everything is sent, false when the socket is full, nil when the connection is broken.
    func flush() -> Bool? {
        switch unsafe PQflush(connection) {
        case 0: true
        case 1: false
        default: nil
        }
    }

    /// Reads what the socket has; false when the connection is broken.
    func consumeInput() -> Bool { unsafe PQconsumeInput(connection) == 1 }
    /// Whether `nextReply` would have to wait.
    var isBusy: Bool { unsafe PQisBusy(connection) == 1 }

    /// The next reply of the pipeline. Call it only when `isBusy` is false: libpq would block.
    func nextReply(wantsRows: Bool, columns: [Column]?) -> Reply {
        guard let result = unsafe PQgetResult(connection) else { return .endOfCommand }
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC: return .sync
        case PGRES_PIPELINE_ABORTED: return .skipped
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            return .rows(wantsRows ? unsafe Self.copy(result, columns: columns) : .empty)
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
            let (error, fatal) = unsafe Self.report(result)
            return .failed(error, fatal: fatal)
        default:
            return .failed(PostgresError(.misuse, "COPY and single-row results are not supported here"), fatal: true)
        }
    }

    func nextNotification() -> (channel: String, payload: String)? {
        guard let notification = unsafe PQnotifies(connection) else { return nil }
        defer { unsafe PQfreemem(notification) }
        return unsafe (String(cString: notification.pointee.relname), String(cString: notification.pointee.extra))
    }

    func canceller() -> Canceller? { unsafe PQgetCancel(connection).map { unsafe Canceller(pointer: $0) } }

    /// What it takes to cancel the running statement from another thread.
    @safe struct Canceller: @unchecked Sendable {
        // libpq documents PQcancel as safe on any thread; this value is used once and then freed.
        fileprivate let pointer: OpaquePointer

        fileprivate init(pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }

        /// Blocks until the server has passed the signal on. Call once, on a helper thread.
        consuming func send() {
            var message = [CChar](repeating: 0, count: 256)
            _ = unsafe PQcancel(pointer, &message, Int32(message.count))
            unsafe PQfreeCancel(pointer)
        }
    }
}

private func fill(
    _ values: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>, _ numbers: UnsafeMutableBufferPointer<Int32>,
    _ index: Int, _ value: UnsafePointer<CChar>?, _ length: Int, _ format: Int32
) {
    unsafe values.initializeElement(at: index, to: value)
    unsafe numbers.initializeElement(at: index, to: Int32(length))
    unsafe numbers.initializeElement(at: values.count + index, to: format)
}

/// Calls `body` with a nil-terminated array of C strings that live until it returns.
func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
    let copies = unsafe strings.map { unsafe UnsafePointer<CChar>(strdup($0)) } + [nil]
    defer { unsafe copies.forEach { unsafe free(UnsafeMutableRawPointer(mutating: $0)) } }
    return unsafe body(copies)
}
