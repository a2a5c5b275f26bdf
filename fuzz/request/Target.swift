internal import HTTP2
internal import RPC

@testable internal import RPCTransport

/// What a request's header fields say: names and values from the input, one a line, `name value`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    let router = Router()
    var fields = RequestHead.Fields()
    for line in input.split(separator: 10) {
        let parts = line.split(separator: 32, maxSplits: 1)
        let name = UnsafeRawBufferPointer(rebasing: parts.first ?? line)
        let value = UnsafeRawBufferPointer(rebasing: parts.count > 1 ? parts[1] : line)
        fields.add(name, value, router)
        check(value)
    }
    let head = RequestHead(fields, router: router)
    var list = HeaderList()
    MetadataCoding.write(head.metadata, to: &list)
    return 0
}

private func check(_ value: UnsafeRawBufferPointer) {
    if let timeout = TimeoutCoding.decode(value) {
        precondition(timeout >= .zero, "a negative timeout")
        let again = Array(TimeoutCoding.encode(timeout).utf8).withUnsafeBytes { TimeoutCoding.decode($0) }
        precondition(again != nil, "a timeout that cannot be read back")
    }
    let text = PercentCoding.decode(value)
    let written = PercentCoding.encode(text)
    precondition(written.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "not printable ASCII")
    let again = Array(written.utf8).withUnsafeBytes { PercentCoding.decode($0) }
    precondition(again == text, "percent coding loses something")
    if let status = Status(wire: Array(value)[...]) {
        precondition(Status(wire: status.wireBytes()[...]) == status, "a status changes on its way")
    }
}
