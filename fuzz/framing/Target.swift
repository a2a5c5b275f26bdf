internal import RPC

@testable internal import RPCTransport

/// Both framings: however the bytes are cut, the same messages come out and the same fault ends them. Gzip never gives
/// more than its limit, and gives back what it packed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard count > 1 else { return 0 }
    let body = Array(input[1...])
    for framing in [Framing.grpc, .ragdz] {
        let whole = read(body, framing, piece: body.count)
        precondition(read(body, framing, piece: Int(input[0]) % 32 + 1) == whole, "the cut matters")
        precondition(read(body, framing, piece: 1) == whole, "the cut matters")
    }
    inflate(body)
    return 0
}

private let limit = 1 << 14

private func read(_ bytes: [UInt8], _ framing: Framing, piece: Int) -> [String] {
    var parser = FrameParser(framing, limit: limit)
    var waiting: [UInt8] = []
    var seen: [String] = []
    var start = 0
    while start < bytes.count {
        let end = min(start + piece, bytes.count)
        waiting += bytes[start..<end]
        start = end
        while true {
            let step = waiting.withUnsafeBytes { buffer in
                let front = parser.front(buffer)
                let step = parser.next(buffer)
                if case .failure(let early) = front, !parser.hasEnded {
                    guard case .failure = step else { preconditionFailure("\(early) was seen too early") }
                }
                return step
            }
            switch step {
            case .needsMore: break
            case .message(let payload, let isCompressed):
                seen.append("message \(isCompressed) \(waiting[payload])")
                waiting.removeFirst(payload.upperBound)
                continue
            case .end(let payload):
                seen.append("end \(waiting[payload])")
                waiting.removeFirst(payload.upperBound)
                continue
            case .failure(let status):
                return seen + ["\(status.reason ?? "")"]
            }
            break
        }
    }
    return seen + [parser.finish(rest: waiting.count)?.reason ?? "in order"]
}

private func inflate(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
        if let content = try? Gzip.decompress(buffer, limit: limit) {
            precondition(content.count <= limit, "more than the limit")
        }
        guard let packed = Gzip.compress(buffer) else { preconditionFailure("cannot be packed") }
        let again = packed.withUnsafeBytes { try? Gzip.decompress($0, limit: bytes.count) }
        precondition(again == bytes, "not what was packed")
    }
}
