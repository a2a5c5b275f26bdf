internal import ProtoRuntime

/// libFuzzer's entry: the first byte chooses the codec, the rest is its input. What is accepted must survive a round
/// trip; nothing may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard let kind = input.first else { return 0 }
    let body = UnsafeRawBufferPointer(rebasing: input[1...])
    var options = JSONOptions.defaults
    options.ignoreUnknownFields = kind & 2 != 0
    options.register([Ragdz_Test_AllFeatures.self, Ragdz_Test_FewFeatures.self, Ragdz_Test_Nothing.self])
    var message = Ragdz_Test_AllFeatures()
    do {
        if kind & 1 == 0 {
            try message.merge(wire: body)
        } else {
            try message.merge(json: body, options: options)
        }
    } catch {
        return 0
    }
    let bytes = message.wireBytes()
    let again = try? Ragdz_Test_AllFeatures(wire: bytes)
    precondition(again != nil, "wrote what cannot be read")
    // Bytes are compared, because NaN is not equal to itself; maps have no order.
    precondition(again?.wireBytes().count == bytes.count, "a round trip changes the size")
    if kind & 1 == 1, let json = try? message.jsonBytes(options: options) {
        let read = try? Ragdz_Test_AllFeatures(json: json, options: options)
        precondition(read != nil, "wrote JSON that cannot be read")
    }
    return 0
}
