internal import ProtoRuntime

/// The JSON decoder: the first byte chooses the options, the rest is the text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard let kind = input.first else { return 0 }
    var options = JSONOptions.defaults
    options.ignoreUnknownFields = kind & 1 != 0
    options.writeDefaults = kind & 2 != 0
    options.register([Ragdz_Test_AllFeatures.self, Ragdz_Test_FewFeatures.self, Ragdz_Test_Nothing.self])
    var message = Ragdz_Test_AllFeatures()
    guard (try? message.merge(json: UnsafeRawBufferPointer(rebasing: input[1...]), options: options)) != nil else {
        return 0
    }
    precondition((try? Ragdz_Test_AllFeatures(wire: message.wireBytes())) != nil, "wrote what cannot be read")
    if let json = try? message.jsonBytes(options: options) {
        let read = try? Ragdz_Test_AllFeatures(json: json, options: options)
        precondition(read != nil, "wrote JSON that cannot be read")
    }
    return 0
}
