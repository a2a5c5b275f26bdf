import Glibc
import ProtoRuntime

// The testee of the official Protocol Buffers conformance suite: the runner writes requests on standard input, each with
// its length in four bytes in front, and reads responses of the same shape. scripts/conformance-protobuf.sh builds it with
// what our generator prints for the suite's own messages.

/// Reads exactly `count` bytes; nil at the end of the input.
func receive(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let got = bytes.withUnsafeMutableBytes {
            read(STDIN_FILENO, $0.baseAddress?.advanced(by: filled), count - filled)
        }
        if got <= 0 { return nil }
        filled += got
    }
    return bytes
}

func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
        let put = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress?.advanced(by: sent), bytes.count - sent) }
        if put <= 0 { exit(1) }
        sent += put
    }
}

func answer(_ request: Conformance_ConformanceRequest) -> Conformance_ConformanceResponse.OneOf_Result {
    switch request.messageType {
    case Conformance_FailureSet.protoMessageName:
        // The runner asks for the failures that are expected: none are.
        return .protobufPayload(Conformance_FailureSet().wireBytes())
    case ProtobufTestMessages_Proto3_TestAllTypesProto3.protoMessageName:
        return convert(request, ProtobufTestMessages_Proto3_TestAllTypesProto3.self)
    case ProtobufTestMessages_Proto2_TestAllTypesProto2.protoMessageName:
        return convert(request, ProtobufTestMessages_Proto2_TestAllTypesProto2.self)
    default:
        return .skipped("\(request.messageType) is no message of the suite that we know")
    }
}

func convert<M: Message>(
    _ request: Conformance_ConformanceRequest, _ type: M.Type
) -> Conformance_ConformanceResponse.OneOf_Result {
    var options = JSONOptions.defaults
    options.ignoreUnknownFields = request.testCategory == .jsonIgnoreUnknownParsingTest
    options.register([M.self])
    guard [.protobuf, .json].contains(request.requestedOutputFormat) else {
        return .skipped("only the binary and JSON forms are supported")
    }
    let message: M
    do {
        switch request.payload {
        case .protobufPayload(let bytes): message = try M(wire: bytes)
        case .jsonPayload(let text): message = try M(json: text, options: options)
        default: return .skipped("only the binary and JSON forms are supported")
        }
    } catch {
        return .parseError("\(error)")
    }
    do {
        return request.requestedOutputFormat == .json
            ? .jsonPayload(try message.jsonString(options: options)) : .protobufPayload(message.wireBytes())
    } catch {
        return .serializeError("\(error)")
    }
}

while let header = receive(4) {
    let length = header.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard let bytes = receive(length) else { exit(1) }
    var response = Conformance_ConformanceResponse()
    do {
        response.result = answer(try Conformance_ConformanceRequest(wire: bytes))
    } catch {
        response.result = .runtimeError("the request is no ConformanceRequest: \(error)")
    }
    let encoded = response.wireBytes()
    send((0..<4).map { UInt8(truncatingIfNeeded: encoded.count >> (8 * $0)) } + encoded)
}
