internal import CPQ
internal import Glibc

extension ResultRows {
    /// What stands for the result of a statement whose rows nobody wants.
    static let empty = ResultRows(columns: [], ends: [], bytes: [], rowCount: 0, affected: 0, tag: "")
}

extension LibPQ {
    /// Copies a result out of libpq's memory, which dies with the result.
    static func copy(_ result: OpaquePointer, columns known: [Column]?) -> ResultRows {
        let rows = unsafe PQntuples(result)
        let fields = unsafe PQnfields(result)
        let affected = unsafe Int(atol(PQcmdTuples(result)))
        guard fields > 0 else {
            let tag = unsafe String(cString: PQcmdStatus(result))
            return ResultRows(columns: [], ends: [], bytes: [], rowCount: 0, affected: affected, tag: tag)
        }
        let columns = unsafe describe(result, fields: fields, known: known)
        var ends: [Int] = []
        ends.reserveCapacity(Int(rows * fields))
        var total = 0
        for row in 0..<rows {
            for field in 0..<fields {
                if unsafe PQgetisnull(result, row, field) == 1 {
                    ends.append(-total - 1)
                } else {
                    total += Int(unsafe PQgetlength(result, row, field))
                    ends.append(total)
                }
            }
        }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
            for row in 0..<rows {
                for field in 0..<fields {
                    let length = Int(unsafe PQgetlength(result, row, field))
                    guard length > 0, let from = unsafe PQgetvalue(result, row, field),
                        let to = buffer.baseAddress
                    else { continue }
                    unsafe memcpy(to + count, from, length)
                    count += length
                }
            }
        }
        return ResultRows(
            columns: columns, ends: ends, bytes: bytes, rowCount: Int(rows), affected: affected, tag: "")
    }

    /// The columns; those of the last run of the same statement when they still fit, which spares their names.
    private static func describe(_ result: OpaquePointer, fields: Int32, known: [Column]?) -> [Column] {
        if let known, known.count == Int(fields),
            (0..<fields).allSatisfy({ unsafe PQftype(result, $0) == known[Int($0)].type })
        {
            return known
        }
        return (0..<fields).map {
            unsafe Column(name: String(cString: PQfname(result, $0)), type: PQftype(result, $0))
        }
    }

    /// The letters by which the protocol names the fields of an error.
    private enum Field {
        static let severity = Int32(UInt8(ascii: "V")), state = Int32(UInt8(ascii: "C"))
        static let message = Int32(UInt8(ascii: "M")), detail = Int32(UInt8(ascii: "D"))
        static let hint = Int32(UInt8(ascii: "H")), schema = Int32(UInt8(ascii: "s"))
        static let table = Int32(UInt8(ascii: "t")), column = Int32(UInt8(ascii: "c"))
        static let constraint = Int32(UInt8(ascii: "n"))
    }

    static func report(_ result: OpaquePointer) -> (PostgresError, fatal: Bool) {
        func field(_ code: Int32) -> String? {
            unsafe PQresultErrorField(result, code).map { unsafe String(cString: $0) }
        }
        guard let state = field(Field.state) else {
            // Without a state it is libpq that speaks: the connection broke.
            let message = unsafe String(cString: PQresultErrorMessage(result))
            let line = message.split(separator: "\n").joined(separator: " ")
            return (PostgresError(.connectionLost, line, outcomeUnknown: true), true)
        }
        let message = field(Field.message) ?? "no message"
        let report = PostgresError.ServerReport(
            sqlState: SQLState(rawValue: state), message: message, detail: field(Field.detail),
            hint: field(Field.hint), schema: field(Field.schema), table: field(Field.table),
            column: field(Field.column), constraint: field(Field.constraint))
        let severity = field(Field.severity)
        let fatal = severity == "FATAL" || severity == "PANIC"
        // A server that ends the connection reports it as the fate of the statement that it was working on.
        let error = PostgresError(
            fatal ? .connectionLost : .server, message, report: report, outcomeUnknown: fatal)
        return (error, fatal)
    }
}

// MARK: - COPY

extension LibPQ {
    enum CopyReply {
        case flows
        case done(affected: Int)
        case failed(PostgresError)
        case nothing
    }

    enum CopyRead { case row, wait, end, failed }

    /// Outside of pipeline mode, when `isBusy` is false.
    func nextCopyReply() -> CopyReply {
        guard let result = unsafe nextResult() else { return .nothing }
        defer { unsafe PQclear(result) }
        switch unsafe PQresultStatus(result) {
        case PGRES_COPY_IN, PGRES_COPY_OUT: return .flows
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return .done(affected: unsafe Int(atol(PQcmdTuples(result))))
        default: return .failed(unsafe Self.report(result).0)
        }
    }
}
