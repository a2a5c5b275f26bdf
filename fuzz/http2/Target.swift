internal import Glibc
internal import HTTP2

/// An HTTP/2 session of either role that gets the input from its peer, in pieces, answers what comes, and says all it
/// has to say. A session that does not answer must see the same events however the input is cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard count > 2 else { return 0 }
    let role: HTTP2Session.Role = input[0] & 1 == 0 ? .server : .client
    let body = UnsafeRawBufferPointer(rebasing: input[2...])
    let greets = role == .server && input[0] & 2 == 0
    let piece = Int(input[1]) % 64 + 1
    Conversation(role, greets: greets, answers: true).run(body, piece: piece)
    let whole = Conversation(role, greets: greets, answers: false)
    whole.run(body, piece: max(1, body.count))
    let cut = Conversation(role, greets: greets, answers: false)
    cut.run(body, piece: piece)
    if whole.seen != cut.seen {
        // An optimised build says nothing of its own when it traps.
        print("the cut matters:", whole.seen, cut.seen, separator: "\n")
        fflush(nil)
        preconditionFailure()
    }
    return 0
}

final class Conversation {
    private let session: HTTP2Session
    private let answers: Bool
    private let limits = HTTP2Limits.defaults
    /// What happened, body bytes of one stream in a row added up.
    private(set) var seen: [String] = []
    private var bytes: (stream: Int32, count: Int) = (0, 0)

    init(_ role: HTTP2Session.Role, greets: Bool, answers: Bool) {
        guard let session = try? HTTP2Session(role, clock: { 1_000_000_000 }) else { preconditionFailure("no session") }
        self.session = session
        self.answers = answers
        if greets { feed(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]) }
        if role == .client {
            for _ in 0..<3 {
                let stream = HTTP2Stream()
                let head = HeaderList([":method": "POST", ":scheme": "http", ":path": "/a", ":authority": "h"])
                precondition((try? session.submitRequest(stream, head)) != nil, "a fresh session takes no request")
                stream.extendOutput(by: 10).copyBytes(from: [UInt8](repeating: 1, count: 10))
            }
            pull()
        }
    }

    func run(_ input: UnsafeRawBufferPointer, piece: Int) {
        var start = 0
        while start < input.count {
            let end = min(start + piece, input.count)
            if !receive(UnsafeRawBufferPointer(rebasing: input[start..<end])) { break }
            start = end
        }
        note("", end: true)
        pull()
        _ = session.isOver
        _ = session.abandonStreams()
    }

    private func feed(_ bytes: [UInt8]) { bytes.withUnsafeBytes { _ = receive($0) } }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var failure: (any Error)?
        do { try session.receive(bytes) } catch { failure = error }
        for event in session.events { handle(event) }
        session.clearEvents()
        for stream in session.takeDrained() { stream.drained() }
        if answers { pull() }
        if let failure { note("\(failure)") }
        return failure == nil
    }

    private func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .data:
            if bytes.stream != event.streamID { note("", end: true) }
            bytes = (event.streamID, bytes.count + event.bytes.count)
            if event.endsStream { note("end \(event.streamID)") }
            session.consumeConnection(event.bytes.count)
            if answers { session.consume(event.streamID, event.bytes.count) }
        case .headers, .trailers:
            var size = 0
            session.forEachHeader(of: event) { size += $0.count + $1.count + 32 }
            precondition(size <= limits.headerListSize, "a list beyond the limit was kept")
            note("\(event.kind) \(event.streamID) \(size)")
            if answers, session.role == .server, event.kind == .headers { answer(event) }
        case .settings: break
        default: note("\(event.kind) \(event.streamID) \(event.code)")
        }
    }

    private func answer(_ event: HTTP2Event) {
        let stream = HTTP2Stream()
        guard session.attach(stream, to: event.streamID) else { return }
        stream.extendOutput(by: 1000).copyBytes(from: [UInt8](repeating: 7, count: 1000))
        stream.wakeBelow = 100
        session.submitResponse(stream, HeaderList([":status": "200"]))
        if event.streamID % 4 == 1 { session.finish(stream, trailers: HeaderList(["grpc-status": "0"])) }
        if event.streamID % 16 == 3 { session.reset(event.streamID, .cancel) }
    }

    private func note(_ text: String, end: Bool = false) {
        if bytes.count > 0 { seen.append("data \(bytes.stream) \(bytes.count)") }
        bytes = (0, 0)
        if !end { seen.append(text) }
    }

    private func pull() {
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 8) { space in
            while session.wantsWrite, let size = try? session.pull(into: space), size > 0 {}
        }
        for event in session.events { handle(event) }
        session.clearEvents()
    }
}
