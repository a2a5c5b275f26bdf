internal import HTTP2

/// Header blocks of the fuzzer's in well-formed HEADERS and CONTINUATION frames. A session that remembers lists must
/// read the same fields as one that does not.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    let remembering = Reader(remembers: true)
    let plain = Reader(remembers: false)
    var at = 0
    var stream: UInt32 = 1
    while at < input.count {
        let size = min(Int(input[at]), input.count - at - 1)
        let block = Array(input[at + 1..<at + 1 + size])
        at += 1 + size
        let cut = size % 3 == 0 ? size / 2 : size
        var bytes = frame(1, cut == size ? 5 : 1, stream, block[..<cut])
        if cut < size { bytes += frame(9, 4, stream, block[cut...]) }
        let goesOn = remembering.read(bytes)
        precondition(plain.read(bytes) == goesOn, "one of the sessions breaks")
        precondition(remembering.lists == plain.lists, "remembered: \(remembering.lists), read: \(plain.lists)")
        guard goesOn else { return 0 }
        stream += 2
    }
    return 0
}

private func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: ArraySlice<UInt8>) -> [UInt8] {
    let id = withUnsafeBytes(of: stream.bigEndian) { Array($0) }
    return [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), type, flags] + id + Array(payload)
}

final class Reader {
    final class Known {
        let fields: [String]
        init(_ fields: [String]) { self.fields = fields }
    }

    private let session: HTTP2Session
    private let remembers: Bool
    private(set) var lists: [[String]] = []

    init(remembers: Bool) {
        guard let session = try? HTTP2Session(.server, clock: { 1_000_000_000 }) else {
            preconditionFailure("no session")
        }
        self.session = session
        self.remembers = remembers
        session.varyingHeader = "te"
        _ = read(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
    }

    func read(_ bytes: [UInt8]) -> Bool {
        lists = []
        let isAlive = bytes.withUnsafeBytes { (try? session.receive($0)) != nil }
        for event in session.events where event.kind == .headers || event.kind == .trailers { note(event) }
        for event in session.events where event.kind == .headers { session.reset(event.streamID, .cancel) }
        session.clearEvents()
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 8) { space in
            while session.wantsWrite, let size = try? session.pull(into: space), size > 0 {}
        }
        session.clearEvents()
        return isAlive && !session.isOver
    }

    private func note(_ event: HTTP2Event) {
        var fields: [String] = []
        var varying: [String] = []
        var size = 0
        session.forEachHeader(of: event) { name, value in
            size += name.count + value.count + 32
            let field = "\(Array(name))=\(Array(value))"
            if name.elementsEqual("te".utf8) { varying.append(field) } else { fields.append(field) }
        }
        precondition(size <= HTTP2Limits.defaults.headerListSize, "a list beyond the limit was kept")
        if remembers {
            if let known = session.meaning(of: event) as? Known {
                precondition(known.fields == fields, "the meaning is another list's")
            } else {
                session.remember(Known(fields), for: event)
            }
        }
        lists.append(fields + ["|"] + varying)
    }
}
