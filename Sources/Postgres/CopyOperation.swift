internal import NIOCore

/// One COPY on a connection that a transaction has to itself.
///
/// libpq has no COPY in pipeline mode, so the connection leaves that mode for as long as this takes and comes back to
/// it however this ends. What can go wrong: the server refuses the statement or a row (its report comes at the end; what
/// is sent until then is thrown away by the server), the caller gives up (the server is told, and forgets all of it),
/// the connection breaks.
///
/// Used on one event loop only.
final class CopyOperation: @unchecked Sendable {
    enum Direction: Sendable { case `in`, out }

    private enum Phase {
        /// The server has not agreed yet.
        case starting
        /// Bytes flow.
        case flowing
        /// All is said; the server's last word is missing.
        case ending
        case ended
    }

    enum Limits {
        /// Rows are handed over in pieces of about this many bytes.
        static let piece = 64 * 1024
    }

    typealias Done = (Result<Int, PostgresError>) -> Void

    let statement: Statement
    let direction: Direction
    private let handle: LibPQ
    private var phase = Phase.starting
    private var failure: PostgresError?
    private var affected = 0
    private var started: ((Result<Void, PostgresError>) -> Void)?
    private var written: ((Result<Void, PostgresError>) -> Void)?
    private var wanted: ((Result<[UInt8]?, PostgresError>) -> Void)?
    private var finished: Done?
    private var drains = false
    /// What the socket has not taken yet. Who waits for it in `write` is told by the next `advance`, so the connection must
    /// wait for the socket exactly when this is true, and not look for itself: the socket may have room by then.
    private(set) var hasUnsent = false
    /// Tells the connection to look at what it has to wait for.
    var rearm: () -> Void = {}
    var cancel: () -> Void = {}

    init(_ statement: Statement, _ direction: Direction, on handle: LibPQ) {
        self.statement = statement
        self.direction = direction
        self.handle = handle
    }

    /// Sends the statement; `done` hears whether the server agreed.
    func start(_ done: @escaping (Result<Void, PostgresError>) -> Void) {
        started = done
        guard handle.exitPipelineMode(), handle.sendCommand(statement.sql) else { return lost(handle.errorMessage) }
        advance()
    }

    // MARK: - Into the server

    /// Sends bytes; `done` is called when the socket has taken them, which is how a slow server slows the caller.
    func write(_ bytes: [UInt8], _ done: @escaping (Result<Void, PostgresError>) -> Void) {
        guard case .flowing = phase, direction == .in else { return done(.failure(failure ?? Self.over)) }
        guard handle.putCopy(bytes) else { return lost(handle.errorMessage, telling: done) }
        written = done
        advance()
    }

    /// Who waits for the socket stops to wait.
    func giveUpWriting() { take(&written)?(.failure(PostgresError(.cancelled, "the caller gave up"))) }

    /// Ends the data, or, with a reason, makes the server forget all of it.
    func endWriting(reason: String?, _ done: @escaping Done) {
        finished = done
        guard case .flowing = phase else { return complete() }
        guard handle.endCopy(reason: reason) else { return lost(handle.errorMessage) }
        phase = .ending
        advance()
    }

    // MARK: - Out of the server

    /// The next piece; nil at the end. Nothing is read from the socket while nobody asks.
    func read(_ done: @escaping (Result<[UInt8]?, PostgresError>) -> Void) {
        wanted = done
        advance()
    }

    /// Reads what is left, without handing it over, and ends.
    func endReading(early: Bool, _ done: @escaping Done) {
        finished = done
        if early, case .flowing = phase {
            drains = true
            cancel()
        }
        advance()
    }

    // MARK: - Progress

    var wantsRead: Bool {
        switch phase {
        case .starting, .ending: true
        case .flowing: direction == .in || wanted != nil || drains
        case .ended: false
        }
    }

    /// Called when the socket is ready, and after each step of the caller.
    func advance() {
        // The connection may be somebody else's by now.
        if case .ended = phase { return complete() }
        // Reading may send what the socket had no room for, so what is left unsent is known only afterwards.
        if wantsRead, !handle.consumeInput() { return lost(handle.errorMessage) }
        guard let flushed = handle.flush() else { return lost(handle.errorMessage) }
        hasUnsent = !flushed
        switch phase {
        case .starting:
            guard !handle.isBusy else { break }
            agree()
        case .flowing where direction == .in:
            if flushed { take(&written)?(.success(())) }
        case .flowing: readPiece()
        case .ending:
            while !handle.isBusy, case .ending = phase { conclude() }
        case .ended: break
        }
        rearm()
    }

    private func agree() {
        switch handle.nextCopyReply() {
        case .flows:
            phase = .flowing
            take(&started)?(.success(()))
        case .failed(let error):
            failure = error
            phase = .ending
        case .done(let count):
            affected = count
            failure = PostgresError(.misuse, "\(statement.name) is no COPY", statement: statement.name)
            phase = .ending
        case .nothing: return lost("the server did not answer a COPY")
        }
        while !handle.isBusy, case .ending = phase { conclude() }
    }

    private func readPiece() {
        guard wanted != nil || drains else { return }
        var piece: [UInt8] = []
        reading: while true {
            switch handle.getCopy(into: &piece) {
            case .row where drains: piece.removeAll(keepingCapacity: true)
            case .row: if piece.count >= Limits.piece { break reading }
            case .wait: break reading
            case .end:
                phase = .ending
                break reading
            case .failed: return lost(handle.errorMessage)
            }
        }
        if !piece.isEmpty, !drains { take(&wanted)?(.success(piece)) }
        while !handle.isBusy, case .ending = phase { conclude() }
    }

    private func conclude() {
        switch handle.nextCopyReply() {
        case .done(let count): affected = count
        case .failed(let error): failure = failure ?? error
        case .flows: lost("the server goes on with a COPY that has ended")
        case .nothing:
            phase = .ended
            guard handle.enterPipelineMode() else { return lost(handle.errorMessage) }
            complete()
        }
    }

    /// Whoever waits is told how it ended. The end itself is told when it is asked for.
    private func complete() {
        let failure = failure.map { $0.naming(statement.name) }
        take(&started)?(failure.map { .failure($0) } ?? .success(()))
        take(&written)?(failure.map { .failure($0) } ?? .success(()))
        take(&wanted)?(failure.map { .failure($0) } ?? .success(nil))
        if case .ended = phase { take(&finished)?(failure.map { .failure($0) } ?? .success(affected)) }
    }

    private func lost(_ message: String, telling done: ((Result<Void, PostgresError>) -> Void)? = nil) {
        let text = message.isEmpty ? "the connection was lost during a COPY" : message
        done?(.failure(PostgresError(.connectionLost, text)))
        connectionIsLost(PostgresError(.connectionLost, text, statement: statement.name))
    }

    /// The connection is gone, or must go.
    func connectionIsLost(_ error: PostgresError) {
        failure = failure ?? error
        phase = .ended
        complete()
        broke?(error)
        broke = nil
    }

    /// The connection cannot be used any more.
    var broke: ((PostgresError) -> Void)?
    var hasEnded: Bool { if case .ended = phase { true } else { false } }

    private static var over: PostgresError { PostgresError(.misuse, "the COPY is over; it lives as long as its body") }
}

/// Empties a place that holds a callback, so that it is called once.
private func take<T>(_ place: inout T?) -> T? {
    defer { place = nil }
    return place
}
