internal import CPQ

/// A connection that blocks its thread: for migrations, which are scripts of many statements and run before anything
/// is served.
///
/// Sendable by confinement: one helper thread makes, uses and closes it.
@safe final class BlockingConnection: @unchecked Sendable {
    private let connection: OpaquePointer

    init(url: String, applicationName: String) throws(PostgresError) {
        let names = ["dbname", "application_name", "client_encoding", "connect_timeout"]
        let values = [url, applicationName, "UTF8", "10"]
        let opened = unsafe withCStrings(names) { names in
            unsafe withCStrings(values) { values in unsafe PQconnectdbParams(names, values, 1) }
        }
        guard let opened = unsafe opened else { throw PostgresError(.connectFailed, "out of memory") }
        unsafe connection = unsafe opened
        _ = unsafe PQsetNoticeReceiver(connection, { _, _ in }, nil)
        guard unsafe PQstatus(connection) == CONNECTION_OK else {
            let text = unsafe String(cString: PQerrorMessage(connection))
            throw PostgresError(.connectFailed, text.split(separator: "\n").joined(separator: " "))
        }
    }

    deinit { unsafe PQfinish(connection) }

    /// Runs a script of one or more statements and returns the last result as text.
    @discardableResult
    func run(_ sql: String, _ parameters: [String] = []) throws(PostgresError) -> [[String?]] {
        let result =
            parameters.isEmpty
            ? unsafe PQexec(connection, sql)
            : unsafe withCStrings(parameters) { values in
                unsafe PQexecParams(connection, sql, Int32(parameters.count), nil, values, nil, nil, 0)
            }
        guard let result = unsafe result else { throw PostgresError(.connectionLost, "the connection is gone") }
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
        default: throw unsafe LibPQ.report(result).0
        }
        let fields = unsafe PQnfields(result)
        return unsafe (0..<PQntuples(result)).map { row in
            (0..<fields).map { field in
                unsafe PQgetisnull(result, row, field) == 1
                    ? nil : unsafe String(cString: PQgetvalue(result, row, field))
            }
        }
    }
}
